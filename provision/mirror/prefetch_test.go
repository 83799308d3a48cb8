package mirror

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// archive makes the files of a small apt archive with one component.
func archive(t *testing.T, packages map[string]string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	var index bytes.Buffer
	for name, depends := range packages {
		path := "pool/" + name + "_1_amd64.deb"
		files["/"+path] = []byte("the package " + name)
		fmt.Fprintf(&index, "Package: %s\nVersion: 1\nDepends: %s\nFilename: %s\n\n", name, depends, path)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(index.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(packed.Bytes())
	hash := hex.EncodeToString(sum[:])
	files["/dists/stable/main/binary-amd64/by-hash/SHA256/"+hash] = packed.Bytes()
	files["/dists/stable/InRelease"] = fmt.Appendf(nil, "Acquire-By-Hash: yes\nSHA256:\n %s %d main/binary-amd64/Packages.gz\n", hash, packed.Len())
	return files
}

func TestPrefetch(t *testing.T) {
	u := newUpstream(t, archive(t, map[string]string{"nginx": "libc6, libssl3", "libc6": "", "libssl3": "gone", "other": ""}))
	dir := t.TempDir()
	b := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"debian": u.URL}})
	w := PrefetchRequest{
		Archives: []Archive{{Upstream: "debian", Suite: "stable", Components: []string{"main"}}},
		Arch:     "amd64", Packages: []string{"nginx"}, Have: map[string]string{"libc6": "1"},
	}
	got, err := b.Prefetch(t.Context(), w)
	if err != nil || got.Packages != 2 || got.Fetched != 4 || strings.Join(got.Missing, " ") != "gone" {
		t.Fatalf("%+v, %v", got, err)
	}
	// Once more: only the release file is asked for, and it is as it was.
	asked := u.asked()
	b.pass(defaultFresh)
	if got, err = b.Prefetch(t.Context(), w); err != nil || got.Fetched != 0 || u.asked() != asked+1 {
		t.Errorf("%+v, %v, asked %d times", got, err, u.asked()-asked)
	}

	// The upstream goes away, and the cache is set offline.
	u.Close()
	off := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"debian": u.URL}, Offline: true})
	for path, want := range map[string]int{
		"/mirror/debian/pool/nginx_1_amd64.deb":   http.StatusOK,
		"/mirror/debian/pool/libssl3_1_amd64.deb": http.StatusOK,
		"/mirror/debian/dists/stable/InRelease":   http.StatusOK,
		"/mirror/debian/pool/other_1_amd64.deb":   http.StatusGatewayTimeout,
		"/mirror/debian/pool/libc6_1_amd64.deb":   http.StatusGatewayTimeout,
	} {
		if got := off.get(t, "GET", path); got.status != want || got.header.Get("Retry-After") != "" {
			t.Errorf("offline: %s answers %d, not %d: %s", path, got.status, want, got.body)
		}
	}
	if got, err := off.Prefetch(t.Context(), w); err != nil || got.Fetched != 0 {
		t.Errorf("offline: %+v, %v", got, err)
	}
	w.Packages = []string{"other"}
	if _, err := off.Prefetch(t.Context(), w); err == nil || !strings.Contains(err.Error(), "offline") {
		t.Errorf("offline: %v", err)
	}
	if off.kinds() != "" {
		t.Errorf("offline is what the operator wants, and leaves events: %s", off.kinds())
	}
}

func TestPrefetchFails(t *testing.T) {
	files := archive(t, map[string]string{"a": ""})
	u := newUpstream(t, files)
	b := newTestCache(t, Options{Upstreams: map[string]string{"debian": u.URL}})
	wish := func(upstream, suite, component string) PrefetchRequest {
		return PrefetchRequest{Archives: []Archive{{upstream, suite, []string{component}}}, Arch: "amd64", Packages: []string{"a"}}
	}
	for _, c := range []struct {
		w    PrefetchRequest
		want string
	}{
		{wish("debian", "other", "main"), "mirror debian: /dists/other/InRelease: the upstream has no such file"},
		{wish("ubuntu", "stable", "main"), "no such upstream"},
		{wish("debian", "stable", "contrib"), "stable has no component contrib for amd64"},
	} {
		if _, err := b.Prefetch(t.Context(), c.w); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if _, err := b.Ensure(t.Context(), "debian", "/nothing.deb"); !errors.Is(err, ErrAbsent) {
		t.Errorf("%v", err)
	}
	// A package that breaks off is an error, and isn't kept.
	u.fault(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, ".deb") {
			return false
		}
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("half"))
		return true
	})
	if _, err := b.Prefetch(t.Context(), wish("debian", "stable", "main")); err == nil {
		t.Error("a package that broke off counts as fetched")
	}
	if _, err := b.Open("debian", "/pool/a_1_amd64.deb"); !errors.Is(err, ErrAbsent) {
		t.Errorf("a package that broke off is kept: %v", err)
	}
}

// An rpm repository names its indexes by their hash.
func TestRepodataIsChecked(t *testing.T) {
	sum := sha256.Sum256([]byte("right"))
	path := "/repodata/" + hex.EncodeToString(sum[:]) + "-primary.xml.gz"
	u := newUpstream(t, map[string][]byte{path: []byte("wrong")})
	b := newTestCache(t, Options{Upstreams: map[string]string{"rocky": u.URL}})
	b.get(t, "GET", "/mirror/rocky"+path)
	b.waitIdle()
	if files, _ := b.stored(t); len(files) != 0 {
		t.Errorf("kept %v", files)
	}
	u.set(path, "right")
	b.get(t, "GET", "/mirror/rocky"+path)
	b.waitIdle()
	asked := u.asked()
	if got := b.get(t, "GET", "/mirror/rocky"+path); got.body != "right" || u.asked() != asked {
		t.Errorf("%q, asked again: %v", got.body, u.asked() != asked)
	}
}
