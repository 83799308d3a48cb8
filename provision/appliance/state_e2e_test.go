//go:build e2e

package appliance_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"rackhand/provision"
	"rackhand/provision/web/client"
)

// A runner starts the program over one state folder, again and again.
type runner struct {
	t       *testing.T
	ns, dir string
}

// serve starts it and waits until it serves.
func (r runner) serve(flags ...string) (*exec.Cmd, *lines) {
	r.t.Helper()
	cmd, out := r.start(flags...)
	for end := time.Now().Add(patience); !strings.Contains(out.String(), "rackhand serves"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("it doesn't serve:\n%s", out)
		}
	}
	return cmd, out
}

func (r runner) start(flags ...string) (*exec.Cmd, *lines) {
	r.t.Helper()
	out := &lines{}
	args := append([]string{"netns", "exec", r.ns, program(r.t), "serve", "--config", filepath.Join(r.dir, "rackhand.yaml")}, flags...)
	cmd := exec.CommandContext(r.t.Context(), "ip", args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	return cmd, out
}

func (r runner) stop(cmd *exec.Cmd) {
	r.t.Helper()
	if err := errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait()); err != nil {
		r.t.Errorf("stopped: %v", err)
	}
}

// ends waits for its end by itself, with a status and one line that says so much.
func (r runner) ends(what string, cmd *exec.Cmd, out *lines, code int, want ...string) {
	r.t.Helper()
	_ = cmd.Wait()
	said := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := said[len(said)-1]
	if got := cmd.ProcessState.ExitCode(); got != code || !strings.HasPrefix(last, "rackhand: ") {
		r.t.Errorf("%s: exit status %d, want %d:\n%s", what, got, code, out)
	}
	for _, w := range want {
		if !strings.Contains(last, w) {
			r.t.Errorf("%s: %q is not in %s", what, w, last)
		}
	}
}

func (r runner) refused(what string, flags []string, want ...string) {
	r.t.Helper()
	cmd, out := r.start(flags...)
	r.ends(what, cmd, out, 3, want...)
	if strings.Contains(out.String(), "rackhand serves") {
		r.t.Errorf("%s: it served", what)
	}
}

func (r runner) events() []provision.Event {
	r.t.Helper()
	events, err := client.New(filepath.Join(r.dir, "state.sock")).Events(r.t.Context(), "")
	if err != nil {
		r.t.Fatal(err)
	}
	return events
}

// TestLostState goes through what may become of a database and the CA beside it, with the
// real program over one state folder.
func TestLostState(t *testing.T) {
	t.Parallel()
	ns, dir := startNamespace(t, nil)
	sh(t, "ip", "-n", ns, "addr", "add", "10.77.0.1/24", "dev", "eth1")
	sh(t, "ip", "-n", ns, "link", "set", "eth1", "up")
	r := runner{t, ns, dir}
	db, ca := filepath.Join(dir, "state", "rackhand.db"), filepath.Join(dir, "state", "ca")
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}

	cmd, _ := r.serve() // the first start asks nothing
	r.stop(cmd)
	cmd, out := r.serve()

	// Deleted under the running appliance: it ends, and what it held is saved.
	held := r.events()
	for ; len(held) == 0; held = r.events() { // its start is recorded after it says that it serves
		time.Sleep(20 * time.Millisecond)
	}
	do(os.Remove(db))
	r.ends("deleted", cmd, out, 3, "was deleted or moved away", "is saved in "+db+".rescued")
	r.refused("gone", nil, "is missing or empty beside the CA", "--new-database")
	do(os.Rename(db+".rescued", db))
	cmd, _ = r.serve()
	if got := r.events(); len(got) < len(held) || got[0].Seq != held[0].Seq {
		t.Errorf("what was rescued has the events %+v, not %+v", got, held)
	}
	r.stop(cmd)

	// Cut off, and of a format to come.
	whole, err := os.ReadFile(db)
	do(err, os.WriteFile(db, whole[:len(whole)/4], 0o600))
	r.refused("cut off", nil, "opening the database", "it was cut off", "restore it from a backup")
	r.refused("cut off, and --new-database", []string{"--new-database"}, "it was cut off")
	do(os.WriteFile(db, whole, 0o600))
	b, err := bbolt.Open(db, 0o600, nil)
	do(err)
	do(b.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{9}) }), b.Close())
	r.refused("of a later version", nil, "a later version of rackhand wrote it", "its format is 9")
	do(os.WriteFile(db, whole, 0o600))
	r.refused("--new-database, and it is there", []string{"--new-database"}, "is there, so --new-database is refused")

	// The CA is gone; another's lies there; both are gone.
	do(os.Rename(ca, ca+".kept"))
	r.refused("no CA", nil, "the CA in "+ca+" is missing beside", "--new-ca")
	cmd, _ = r.serve("--new-ca")
	r.stop(cmd)
	do(os.WriteFile(db, whole, 0o600))
	r.refused("another's CA", nil, "belong to two appliances")
	do(os.RemoveAll(ca), os.Remove(db))
	r.refused("both gone", nil, "in a state folder in which an appliance has run")
	do(os.Rename(ca+".kept", ca))

	// Begun anew: what is in the inventory is not armed by itself, and that is said.
	told := func() bool {
		return slices.ContainsFunc(r.events(), func(e provision.Event) bool { return e.Kind == "database-anew" })
	}
	cmd, _ = r.serve("--new-database")
	if told() {
		t.Error("an inventory without hosts, which may lie on the lost disk too, settles it")
	}
	r.stop(cmd)
	file("inventory/hosts.yaml", "hosts:\n  web1: {mac: \"52:54:00:00:00:01\", address: 10.77.0.11}\n")(t, ns, dir)
	cmd, _ = r.serve()
	if !told() {
		t.Error("nothing says what happens with its hosts")
	}
	r.stop(cmd)
}
