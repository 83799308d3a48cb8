//go:build e2e

package mirror

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A bucket serves a folder as an object store does: a plus in a path is a blank, and %2B
// a plus.
type bucket struct {
	*httptest.Server
	dir string

	mu    sync.Mutex
	asked []string
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{dir: t.TempDir()}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.asked = append(b.asked, r.RequestURI)
		b.mu.Unlock()
		path, err := url.PathUnescape(strings.ReplaceAll(r.URL.EscapedPath(), "+", "%20"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if data, err := os.ReadFile(filepath.Join(b.dir, filepath.Clean("/"+path))); err == nil {
			w.Header().Set("ETag", etag(data)) // as object stores do; a file's time tells too little
		}
		http.ServeFileFS(w, r, os.DirFS(b.dir), strings.TrimPrefix(path, "/"))
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *bucket) uris() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.asked, "\n")
}

// sh runs a shell script in the bucket's folder.
func (b *bucket) sh(t *testing.T, script string, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", script)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), append(env, "LC_ALL=C.UTF-8")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

func (b *bucket) read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// deb builds a package without files; text makes its bytes.
const deb = `mkdir -p pool p/DEBIAN
printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: %s\n' "$NAME" "$VERSION" "$TEXT" > p/DEBIAN/control
dpkg-deb -b --root-owner-group p "pool/$FILE" >/dev/null; rm -r p`

func (b *bucket) deb(t *testing.T, name, version, file, text string) {
	t.Helper()
	b.sh(t, deb, "NAME="+name, "VERSION="+version, "FILE="+file, "TEXT="+text)
}

// With a real apt and archives that apt-ftparchive makes: packages with
// a plus, an epoch and a percent sign in the name of their file come from an object store,
// and one that is published again under its name is available at once.
func TestAptPlusAndPublishedAnew(t *testing.T) {
	for _, c := range []struct{ name, line, publish string }{
		{
			"flat", "./",
			`apt-ftparchive packages pool > Packages; gzip -kf Packages; apt-ftparchive release . > ../R; mv ../R Release`,
		},
		{
			"a suite, by hash", "stable main",
			`d=dists/stable/main/binary-$(dpkg --print-architecture); rm -rf dists; mkdir -p $d
apt-ftparchive packages pool > $d/Packages; xz -kf $d/Packages
apt-ftparchive -o APT::FTPArchive::Release::Acquire-By-Hash=yes -o APT::FTPArchive::Release::Suite=stable release dists/stable > R; mv R dists/stable/Release
for a in MD5Sum SHA1 SHA256 SHA512; do mkdir -p $d/by-hash/$a; for f in Packages Packages.xz; do
  cp $d/$f $d/by-hash/$a/$($(echo $a | tr A-Z a-z | sed 's/md5sum/md5/')sum $d/$f | cut -d' ' -f1); done; done`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := newBucket(t)
			store.deb(t, "hbplus", "1.0+git2~rc1", "hbplus_1.0+git2~rc1_all.deb", "t")
			store.deb(t, "hbepoch", "3:1.0", "hbepoch_3%3a1.0_all.deb", "t")
			store.deb(t, "hbsame", "2.0", "hbsame_2.0_all.deb", "the first")
			stamp := 1_700_000_000
			publish := func() { // apt asks by times alone, which have seconds
				t.Helper()
				stamp += 60
				store.sh(t, c.publish+"\nfind . -type f -exec touch -d @$STAMP {} +", fmt.Sprintf("STAMP=%d", stamp))
			}
			publish()
			b := newTestCache(t, Options{Upstreams: map[string]string{"obj": store.URL + "/"}})
			apt := newApt(t, "deb [trusted=yes] "+b.front.URL+"/mirror/obj "+c.line+"\n")
			fetches := func(name, file string) {
				t.Helper()
				if got := apt.download(name); !bytes.Equal(got, store.read(t, "pool/"+file)) {
					t.Errorf("%s: apt got another file", name)
				}
			}
			apt.update()
			fetches("hbplus", "hbplus_1.0+git2~rc1_all.deb")
			fetches("hbepoch", "hbepoch_3%3a1.0_all.deb")
			fetches("hbsame", "hbsame_2.0_all.deb")
			for _, text := range []string{"the other", "one of another size, which nothing but its name has in common"} {
				store.deb(t, "hbsame", "2.0", "hbsame_2.0_all.deb", text)
				publish()
				b.waitIdle()
				b.pass(defaultFresh)
				apt.update()
				fetches("hbsame", "hbsame_2.0_all.deb")
				fetches("hbplus", "hbplus_1.0+git2~rc1_all.deb")
			}
			if n := strings.Count(store.uris(), "hbplus_"); n != 1 {
				t.Errorf("hbplus was fetched %d times", n)
			}
			if n := strings.Count(store.uris(), "hbsame_"); n != 3 {
				t.Errorf("hbsame was fetched %d times", n)
			}
			sum := sha512.Sum512(firstOf(t, store.dir, "dists/stable/main/*/Packages.xz"))
			if byHash := "by-hash/SHA512/" + hex.EncodeToString(sum[:]); strings.HasPrefix(c.line, "stable") && !strings.Contains(store.uris(), byHash) {
				t.Errorf("apt didn't ask for %s:\n%s", byHash, store.uris())
			}
			if kinds := strings.ReplaceAll(b.kinds(), "mirror-replaced", ""); strings.TrimSpace(kinds) != "" {
				t.Errorf("events: %s", kinds)
			}
		})
	}
}

// firstOf reads the first file of a pattern; nil without a match.
func firstOf(t *testing.T, dir, pattern string) []byte {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return nil
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The same with a real dnf and repositories that createrepo_c makes, through the cache,
// and then once more without the upstream, from what was fetched ahead.
func TestDnfPlusAndPublishedAnew(t *testing.T) {
	store := newBucket(t)
	publish := func(text string) {
		t.Helper()
		store.sh(t, `for n in hbsame 'hb++'; do
printf 'Name: %s\nVersion: 1.0^git\nRelease: 1\nSummary: t\nLicense: t\nBuildArch: noarch\n%%description\n%s\n%%files\n' "$n" "$TEXT" > "$n.spec"
if [ "$n" = hbsame ] || [ ! -d os ]; then rpmbuild -bb --define "_topdir $PWD/rb" --define "_rpmdir $PWD/rb" "$n.spec" >/dev/null 2>&1; fi
done
mkdir -p os/Packages; cp rb/noarch/*.rpm os/Packages; createrepo_c -q os`, "TEXT="+text)
	}
	publish("the first")
	dir := t.TempDir()
	b := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"obj": store.URL}})
	fetches := func(b *testCache, name string) {
		t.Helper()
		home := t.TempDir()
		conf := fmt.Sprintf("[main]\nreposdir=%[1]s/none\ncachedir=%[1]s/cache\nlogdir=%[1]s/logs\npersistdir=%[1]s/lib\ngpgcheck=0\nplugins=0\nkeepcache=1\nproxy=\n[t]\nname=t\nbaseurl=%[2]s/mirror/obj/os/\n", home, b.front.URL)
		if err := os.WriteFile(filepath.Join(home, "dnf.conf"), []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "dnf", "-q", "-c", home+"/dnf.conf", "--installroot="+home+"/root", "--releasever=9", "-y", "--downloadonly", "install", name)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("dnf: %v\n%s", err, out)
		}
		file := name + "-1.0^git-1.noarch.rpm"
		var got []byte // dnf keeps it in a folder with a hash in its name, below the installroot
		err := filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == file {
				got, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, store.read(t, "os/Packages/"+file)) {
			t.Errorf("%s: dnf got another file (%d bytes)", name, len(got))
		}
		b.waitIdle()
	}
	fetches(b, "hb++")
	fetches(b, "hbsame")
	publish("the second")
	b.pass(defaultFresh)
	fetches(b, "hbsame")
	if b.kinds() != "mirror-replaced" {
		t.Errorf("events: %s", b.kinds())
	}
	publish("the third")
	b.pass(defaultFresh)
	w := TreeRequest{Upstream: "obj", Tree: "os", Repositories: []string{""}, Arch: "x86_64", Packages: []string{"hbsame", "hb++"}}
	if got, err := b.PrefetchTree(t.Context(), w); err != nil || got.Packages != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if n := strings.Count(store.uris(), "hb%2"); n != 1 {
		t.Errorf("hb++ was fetched %d times:\n%s", n, store.uris())
	}
	store.Close()
	off := newTestCache(t, Options{Dir: dir, Upstreams: map[string]string{"obj": store.URL}, Offline: true})
	fetches(off, "hbsame")
	fetches(off, "hb++")
}
