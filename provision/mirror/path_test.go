package mirror

import (
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestImmutable(t *testing.T) {
	for p, want := range map[string]bool{
		"/pool/main/a/a_1_amd64.deb": true, "/pool/a.udeb": true, "/os/Packages/a.rpm": true,
		"/dists/bookworm/main/by-hash/SHA256/00": true, "/dists/bookworm/InRelease": false,
		"/dists/bookworm/main/binary-amd64/Packages.xz": false, "/repodata/repomd.xml": false, "/deb": false,
	} {
		if got := immutable(p); got != want {
			t.Errorf("immutable(%q) = %v", p, got)
		}
	}
}

func TestParsePath(t *testing.T) {
	for _, c := range []struct{ encoded, file, raw, err string }{
		{"pool/g%2b%2b_12%2Bdeb.deb", "/pool/g++_12+deb.deb", "/pool/g%2b%2b_12%2Bdeb.deb", ""},
		{"pool/g++_12+deb.deb", "/pool/g++_12+deb.deb", "/pool/g++_12+deb.deb", ""},
		{"%70ool/a%7eb.deb", "/pool/a~b.deb", "/%70ool/a%7eb.deb", ""},
		{"a%20b/%C3%A9", "/a b/é", "/a%20b/%C3%A9", ""},
		{"pool/a_1%253a2.deb", "/pool/a_1%253a2.deb", "/pool/a_1%253a2.deb", ""}, // the name is a_1%3a2.deb
		{"pool/a_1%3a2.deb", "/pool/a_1:2.deb", "/pool/a_1%3a2.deb", ""},
		{"projects/group%2Fname/a.deb", "/projects/group%2Fname/a.deb", "/projects/group%2Fname/a.deb", ""},
		{"projects/group%252Fname/a.deb", "/projects/group%252Fname/a.deb", "/projects/group%252Fname/a.deb", ""},
		{"a/%ff%FE.deb", "/a/%FF%FE.deb", "/a/%ff%FE.deb", ""},
		{"a//./b/../c", "/a/c", "/a/c", ""},
		{"../../a", "/a", "/a", ""},
		{"a/%2e%2E/%2e/b", "/b", "/b", ""}, // RFC 3986 section 6.2.2.2: the same as the dots
		{"a..b/...", "/a..b/...", "/a..b/...", ""},
		{"100%25", "/100%25", "/100%25", ""},
		{"a?b%3fc", "/a?b?c", "/a?b%3fc", ""},

		{"", "", "", "folder"},
		{"a/", "", "", "folder"},
		{"a/..", "", "", "folder"},
		{"a/%2e", "", "", "folder"},
		{"%2e%2e%2fetc", "", "", "way up"},
		{"a/..%2fetc", "", "", "way up"},
		{"a/..%5cetc", "", "", "way up"},
		{"a/%252e%252e%252fetc", "", "", "way up"},
		{"a/%25252e%25252e%25252fetc", "", "", "way up"},
		{"a/..;x/etc", "", "", "way up"},
		{"a%5cb", "", "", "slash"},
		{"a/%2fb", "", "", "slash"},
		{"a/b%2f", "", "", "slash"},
		{"a%00", "", "", "control"},
		{"a%2500", "", "", "control"},
		{"a%0d%0aHost:b", "", "", "control"},
		{"a%7f", "", "", "control"},
		{"a%", "", "", "hexadecimal"},
		{"a%2", "", "", "hexadecimal"},
		{"a%zz", "", "", "hexadecimal"},
		{"a%252525252525252541", "", "", "over and over"},
		{strings.Repeat("a", maxPath+1), "", "", "more than"},
	} {
		file, raw, err := parsePath(c.encoded)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%.60q: %v, want %q", c.encoded, err, c.err)
			}
			continue
		}
		if file != c.file || raw != c.raw || err != nil {
			t.Errorf("%q: %q, %q, %v", c.encoded, file, raw, err)
		}
	}
}

// Names in an index are escaped as apt and librepo do, and lead to the same file.
func TestEscape(t *testing.T) {
	for name, want := range map[string]string{
		"pool/g++_4:12~rc1.deb": "/pool/g%2B%2B_4%3A12~rc1.deb",
		"/a_1%3a2.deb":          "/a_1%253a2.deb",
		"./a b/é^.rpm":          "/a%20b/%C3%A9%5E.rpm",
		"a\xff":                 "/a%FF",
	} {
		got := Escape(name)
		file, raw, err := parsePath(got)
		if got != want || raw != got || file != literal("", name) || err != nil {
			t.Errorf("%q: %q, not %q; it leads to %q, %v", name, got, want, file, err)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		"/mirror/debian/pool/a.deb", "/mirror/debian//../..//x", "/mirror//debian/a", "/mirror/debian/", "/mirror/a/b\x00c", "/mirror/a/..", "//mirror/a/b",
		"/mirror/a/%2e%2e%2fb", "/mirror/a/%252e%252E/%ff+%2B", "/mirror/a/..;/b%5c..", "/mirror/a/b%2Fc", "/mirror/a/%25%32%46",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		name, file, raw, err := split(p)
		if err != nil {
			return
		}
		if !strings.HasPrefix(file, "/") || file == "/" || path.Clean(file) != file || strings.HasPrefix(file, "/../") || !utf8.ValidString(file) {
			t.Errorf("split(%q) = %q, %q", p, name, file)
		}
		// Every spelling of a file leads to it, and none leads out of the upstream's folder,
		// however often it is decoded.
		for _, spelling := range []string{raw, escape(file)} {
			again, _, err := parsePath(spelling)
			if err != nil || again != file {
				t.Errorf("%q becomes %q and that %q, %v", p, file, again, err)
			}
		}
		for range 3 {
			if !strings.HasPrefix(path.Clean("/base"+raw), "/base/") || strings.ContainsAny(raw, "\\\x00\n") {
				t.Errorf("%q leads to %q", p, raw)
			}
			if raw, err = url.PathUnescape(raw); err != nil {
				break
			}
		}
	})
}
