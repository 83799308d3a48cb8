package mirror

import (
	"path"
	"strings"
	"testing"
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

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"/mirror/debian/pool/a.deb", "/mirror/debian//../..//x", "/mirror//debian/a", "/mirror/debian/", "/mirror/a/b\x00c", "/mirror/a/..", "//mirror/a/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		name, rest, ok := split(p)
		if !ok {
			return
		}
		if strings.Contains(name, "/") || !strings.HasPrefix(rest, "/") || rest == "/" || path.Clean(rest) != rest || strings.HasPrefix(rest, "/../") {
			t.Errorf("split(%q) = %q, %q", p, name, rest)
		}
	})
}
