package mirror

import (
	"encoding/hex"
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
	if strings.Contains(p, "/by-hash/") || hashOf(p) != "" {
		return true
	}
	for _, ending := range []string{".deb", ".udeb", ".rpm", ".drpm"} {
		if strings.HasSuffix(p, ending) {
			return true
		}
	}
	return false
}

// hashOf is the SHA-256 that a path promises: apt's by-hash/SHA256/SUM, and the
// names that createrepo gives to the files of an rpm repository, SUM-primary.xml.gz.
// "" when it promises none.
func hashOf(p string) string {
	dir, name := path.Split(p)
	switch {
	case strings.HasSuffix(dir, "/by-hash/SHA256/") && isSHA256(name):
		return strings.ToLower(name)
	case strings.HasSuffix(dir, "/repodata/"):
		if sum, _, ok := strings.Cut(name, "-"); ok && isSHA256(sum) {
			return strings.ToLower(sum)
		}
	}
	return ""
}

func isSHA256(s string) bool {
	_, err := hex.DecodeString(s)
	return len(s) == 64 && err == nil
}
