//go:build e2e

package converge

import (
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// TestKilledWhileFetching: whenever a run is killed, a file is as it was or as it is to be,
// and the next whole run brings it about and clears away what was left behind.
func TestKilledWhileFetching(t *testing.T) {
	r := newTestHost(t)
	contents := []string{allBytes() + strings.Repeat("first\xff", 1<<19), strings.Repeat("second", 1<<19) + allBytes()}
	r.once(catalog.Changed) // enrolled
	r.write("root/etc/big", contents[1])
	random := mrand.New(mrand.NewPCG(1, 2))
	killed, during := 0, 0
	left := func() bool {
		names, err := filepath.Glob(filepath.Join(r.dir, "root/etc/.*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(names) > 0
	}
	for n := range 100 {
		r.app.mu.Lock()
		r.app.byHash(file("/etc/big", contents[n%2]), sensitive("/etc/key", "hunter2"))
		r.app.mu.Unlock()
		if n%3 == 0 {
			if err := os.RemoveAll(r.root.contents()); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), onceIn+"="+r.dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond)
		if err := cmd.Process.Kill(); err == nil {
			killed++
		}
		cmd.Wait()
		if got := r.read("root/etc/big"); got != contents[0] && got != contents[1] {
			t.Fatalf("killed %d times, the file holds %d bytes of neither content", killed, len(got))
		}
		if left() {
			during++
			if !r.exists("root/var/lib/rackhand-agent/writing") {
				t.Fatal("a file is left behind, and the agent doesn't know of it")
			}
		}
	}
	// The operator takes the change back: there is nothing to write any more.
	r.write("root/etc/.big.rackhand-tmp-1", "left behind")
	r.write("root/var/lib/rackhand-agent/writing", "/etc/big")
	r.write("root/etc/big", "the end")
	r.write("root/etc/key", "hunter2")
	r.restart()
	r.app.mu.Lock()
	r.app.byHash(file("/etc/big", "the end"), sensitive("/etc/key", "hunter2"))
	r.app.mu.Unlock()
	if _, err := r.Once(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	r.once(catalog.OK)
	if r.read("root/etc/big") != "the end" || r.read("root/etc/key") != "hunter2" {
		t.Error("the files are others")
	}
	for _, pattern := range []string{"root/etc/.*", "root/var/lib/rackhand-agent/content/.*", "root/var/lib/rackhand-agent/.*-*", "root/var/lib/rackhand-agent/writing"} {
		if left, err := filepath.Glob(filepath.Join(r.dir, pattern)); err != nil || len(left) > 0 {
			t.Errorf("left behind %v, %v", left, err)
		}
	}
	if killed < 50 || during == 0 {
		t.Errorf("%d runs were killed, %d of them while they wrote", killed, during)
	}
}
