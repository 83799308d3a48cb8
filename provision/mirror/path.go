package mirror

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// A file of an upstream has one path in the cache, however a client spells it: decoded, as
// in /pool/g++_4%3a12_amd64.deb. Four things stay encoded, so that different files have
// different paths: a '%' of the name itself (%25), a '/' inside a segment (%2F; RFC 3986
// section 2.2 distinguishes it from the plain one), bytes that aren't UTF-8, and control
// characters (which no request may have).

// maxPath bounds a path below an upstream, in bytes as a client writes it.
const maxPath = 3 << 10

var (
	errFolder = errors.New("that is a folder, and the mirror lists none")
	errPath   = errors.New("that can't be the path of a file")
)

// split splits a request's path (/mirror/NAME/rest), which the client encoded. The rest is
// cleaned without a redirect, because some clients send a double slash and can't follow
// one. It returns the name of the upstream, the path as the cache writes it, and the path
// as the client wrote it, for the request to the upstream.
func split(encoded string) (name, file, raw string, err error) {
	rest, ok := strings.CutPrefix(encoded, "/mirror/")
	if !ok {
		return "", "", "", errPath
	}
	name, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/")
	if name, err = url.PathUnescape(name); err != nil {
		return "", "", "", errPath
	}
	file, raw, err = parsePath(rest)
	return name, file, raw, err
}

// parsePath parses a path below an upstream in a URL's encoding. Dots are resolved, and
// never lead above the top.
func parsePath(encoded string) (file, raw string, err error) {
	if len(encoded) > maxPath {
		return "", "", fmt.Errorf("%w: it has more than %d bytes", errPath, maxPath)
	}
	var files, raws []string
	last := "" // decoded
	for segment := range strings.SplitSeq(encoded, "/") {
		if last, err = url.PathUnescape(segment); err != nil {
			return "", "", fmt.Errorf("%w: a %% without two hexadecimal digits", errPath)
		}
		switch last {
		case "", ".":
			continue
		case "..":
			files, raws = files[:max(len(files)-1, 0)], raws[:max(len(raws)-1, 0)]
			continue
		}
		if err := harmless(last); err != nil {
			return "", "", err
		}
		files, raws = append(files, quote(last)), append(raws, segment)
	}
	if last == "" || last == "." || last == ".." || len(files) == 0 {
		return "", "", errFolder
	}
	return "/" + strings.Join(files, "/"), "/" + strings.Join(raws, "/"), nil
}

// harmless refuses a decoded segment with which an upstream might leave its folder:
// because it decodes twice, takes another character for a slash, or drops the part after a
// semicolon. Unusual but harmless segments pass.
func harmless(segment string) error {
	for range 4 {
		for i := range len(segment) {
			if c := segment[i]; c < 0x20 || c == 0x7f {
				return fmt.Errorf("%w: it holds a control character", errPath)
			}
		}
		parts := strings.FieldsFunc(segment, func(r rune) bool { return r == '/' || r == '\\' })
		for _, p := range parts {
			p, _, _ = strings.Cut(p, ";")
			if p == "." || p == ".." {
				return fmt.Errorf("%w: it holds an encoded way up", errPath)
			}
		}
		if strings.Contains(segment, `\`) || strings.HasPrefix(segment, "/") || strings.HasSuffix(segment, "/") || strings.Contains(segment, "//") {
			return fmt.Errorf("%w: it contains an encoded slash", errPath)
		}
		more, err := url.PathUnescape(segment)
		if err != nil || more == segment {
			return nil // a '%' of the name itself: pkg_1%3a2.deb, 100%
		}
		segment = more
	}
	return fmt.Errorf("%w: it is encoded over and over", errPath)
}

// quote writes a decoded segment, or a path in literal names, as the cache does.
func quote(segment string) string {
	var b strings.Builder
	for i, r := range segment {
		_, size := utf8.DecodeRuneInString(segment[i:])
		switch {
		case r == utf8.RuneError && size == 1, r == '%', r == '/', r < 0x20, r == 0x7f:
			fmt.Fprintf(&b, "%%%02X", segment[i])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// literal is the path of a file that an index names. A name there isn't a URL: its '%' is
// a plain character, which apt and librepo encode.
func literal(dir, name string) string {
	segments := strings.Split(name, "/")
	for i, s := range segments {
		segments[i] = quote(s)
	}
	return path.Join("/", dir, strings.Join(segments, "/"))
}

// Escape encodes a path in literal names for a URL, as apt and librepo do: every character
// that isn't unreserved (RFC 3986 section 2.3). A plus becomes %2B, which object stores
// need and every other server understands.
func Escape(name string) string { return escape(literal("", name)) }

// escape encodes a path of the cache for a URL.
func escape(file string) string {
	var b strings.Builder
	for i := range len(file) {
		c := file[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/%", c) >= 0:
			b.WriteByte(c) // a '%' of a path of the cache begins an encoded byte
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// plusEncoded is a client's path with %2B for its plus signs, and whether it has any.
func plusEncoded(raw string) (string, bool) {
	return strings.ReplaceAll(raw, "+", "%2B"), strings.Contains(raw, "+")
}

// decoded is a path of the cache as older versions named its files, without encoded bytes.
// A '/' inside a segment becomes a NUL, which no path has.
func decoded(file string) string {
	plain, err := url.PathUnescape(strings.ReplaceAll(file, "%2F", "%00"))
	if err != nil {
		return file
	}
	return plain
}

// immutable reports whether a path always names the same bytes unless an index says
// otherwise: a package, whose version is in its name, or an index named by its hash.
// Everything else is an index, which the upstream may change at any time.
func immutable(p string) bool {
	return byName(p).algo != 0 || strings.Contains(p, "/by-hash/") || isPackage(p)
}

// isPackage reports whether a path ends like a package's.
func isPackage(p string) bool {
	switch path.Ext(p) {
	case ".deb", ".udeb", ".ddeb", ".rpm", ".drpm":
		return true
	}
	return false
}
