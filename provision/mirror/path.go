package mirror

import (
	"path"
	"strings"
)

// maxPath bounds a path below an upstream, in bytes.
const maxPath = 1024

// split takes a request's decoded path (/mirror/NAME/rest) apart. The rest is
// cleaned without a redirect: some clients ask with a double slash, and can't
// follow one. ok is false for whatever can't be a file of an upstream.
func split(p string) (name, rest string, ok bool) {
	p, ok = strings.CutPrefix(p, "/mirror/")
	if !ok {
		return "", "", false
	}
	name, rest, ok = strings.Cut(strings.TrimLeft(p, "/"), "/")
	if !ok || rest == "" || len(rest) > maxPath || strings.HasSuffix(rest, "/") {
		return "", "", false
	}
	for _, r := range rest {
		if r < 0x20 || r == 0x7f || r == '\\' {
			return "", "", false
		}
	}
	rest = path.Clean("/" + rest)
	return name, rest, rest != "/"
}

// immutable says that a path always names the same bytes: a package, whose version
// is in its name, or an index that is named by its hash. Everything else is an
// index that the upstream may change at any time.
func immutable(p string) bool {
	if strings.Contains(p, "/by-hash/") {
		return true
	}
	for _, ending := range []string{".deb", ".udeb", ".rpm", ".drpm"} {
		if strings.HasSuffix(p, ending) {
			return true
		}
	}
	return false
}

// hashOf is the SHA-256 that a by-hash path promises; "" when it promises none.
func hashOf(p string) string {
	dir, sum := path.Split(p)
	if strings.HasSuffix(dir, "/by-hash/SHA256/") && len(sum) == 64 {
		return strings.ToLower(sum)
	}
	return ""
}
