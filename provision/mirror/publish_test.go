package mirror

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
)

func sha(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// publish rebuilds an apt archive's indexes from the packages in its pool, at once. The
// suite is "" for a flat archive. Its own folder is base.
func (u *upstream) publish(t *testing.T, base, suite string, byHash bool, debs map[string]string) {
	t.Helper()
	var index bytes.Buffer
	dir, inner := base+"/", "Packages"
	if suite != "" {
		dir, inner = base+"/dists/"+suite+"/", "main/binary-amd64/Packages"
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(debs)) {
		data := []byte(debs[name])
		u.files[base+"/pool/"+name] = data
		fmt.Fprintf(&index, "Package: %s\nVersion: 1\nFilename: pool/%s\nSize: %d\nSHA256: %s\n\n", strings.SplitN(name, "_", 2)[0], name, len(data), sha(data))
	}
	packed := gzipped(t, index.String())
	u.files[dir+inner+".gz"] = packed
	// apt-ftparchive names the release file of before, if there is one.
	before := u.files[dir+"InRelease"]
	release := fmt.Sprintf("SHA256:\n %s %d InRelease\n", sha(before), len(before)) + fmt.Sprintf(" %s %d %s\n %s %d %s\n", sha(index.Bytes()), index.Len(), inner, sha(packed), len(packed), inner+".gz")
	if byHash {
		u.files[dir+path.Dir(inner)+"/by-hash/SHA256/"+sha(packed)] = packed
		release = "Acquire-By-Hash: yes\n" + release
	}
	u.files[dir+"InRelease"] = []byte(release)
}

// An aptClient asks for the indexes of an archive, as `apt-get update` does.
type aptClient struct {
	*testCache
	release, index string // URLs' paths below the upstream; index "" for by-hash
}

func (b aptClient) update(t *testing.T) {
	t.Helper()
	b.pass(defaultFresh)
	r := b.get(t, "GET", "/mirror/m"+b.release)
	if r.status != 200 {
		t.Fatalf("%s: %d %s", b.release, r.status, r.body)
	}
	index := b.index
	if index == "" {
		for _, line := range strings.Split(r.body, "\n") {
			if f := strings.Fields(line); len(f) == 3 && strings.HasSuffix(f[2], "Packages.gz") {
				index = path.Dir(b.release) + "/" + path.Dir(f[2]) + "/by-hash/SHA256/" + f[0]
			}
		}
	}
	got := b.get(t, "GET", "/mirror/m"+index)
	if got.status != 200 || !strings.Contains(r.body, sha([]byte(got.body))) {
		t.Fatalf("%s is %d, and not what %s names", index, got.status, b.release)
	}
	b.waitIdle()
	b.pass(time.Second)
}

func (b aptClient) wants(t *testing.T, deb, body string) {
	t.Helper()
	got := b.get(t, "GET", "/mirror/m"+deb)
	b.waitIdle()
	if got.status != 200 || got.body != body {
		t.Fatalf("%s: %d %q, want %q", deb, got.status, got.body, body)
	}
}
