//go:build e2e

package simulated_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision"
	"rackhand/provision/rack/simulated"
)

// TestSimulatedAnaconda: a bare box, armed by its first boot, is installed from the ISO
// by the shipped Kickstart; every stage is seen, and nothing secret stands in the log. Its
// system has its lease and no agent, which is why it goes no further.
func TestSimulatedAnaconda(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	res := r.power(simulated.Options{Leases: true})
	if !res.Installed || res.Installs != 1 || res.Boots != 2 {
		t.Errorf("%+v", res)
	}
	if got := r.why(); got != nil {
		t.Errorf("a system that has just started is stuck: %+v", got)
	}
	r.says(r.whyLater(10*time.Minute), "not-from-disk", "port 8443", "clock")
	in := r.install()
	if in.Stage != provision.Installed || in.Armed || in.Attempts != 1 {
		t.Errorf("the install is %+v", in)
	}
	for _, s := range []provision.Stage{provision.Addressed, provision.Bootfile, provision.Script, provision.Kernel, provision.Installer, provision.Packages, provision.Installed} {
		if in.Reached[s].IsZero() {
			t.Errorf("stage %s was not seen", s)
		}
	}
	events := r.events()
	if e := events["answer"]; len(e) != 1 || e[0].Fields["serial"] != "SIM4711" {
		t.Errorf("answers: %v", e)
	}
	if len(events["answer-again"]) != 1 {
		t.Error("the further interface's request was not seen")
	}
	counted := 0
	for _, e := range events[provision.KindProgress] {
		if e.Source == "syslog" {
			counted++
		}
	}
	if counted < 10 || counted > 40 {
		t.Errorf("%d events of packages", counted)
	}
	for _, kind := range []string{"token-refused", "answer-late", "mac-refused", "fetch-failed"} {
		if len(events[kind]) > 0 {
			t.Errorf("%s: %v", kind, events[kind])
		}
	}
	log := r.log()
	if !strings.Contains(log, "packaging: Installed: simulated-60-1.0-1.x86_64") || !strings.Contains(log, "/i/***") {
		t.Errorf("the log:\n%s", log)
	}
	if strings.Contains(log, "correct-horse-battery") || strings.Contains(log, "$6$") {
		t.Error("there is a secret in the log")
	}
}

// TestSimulatedFailure: Anaconda fails each time. It waits and boots again until the
// install's attempts are used up.
func TestSimulatedFailure(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	res := r.power(simulated.Options{Fails: simulated.FailPackages, FailTimes: 9})
	if res.Installed || res.Installs != 2 || len(res.Waited) != 2 || res.Waited[0] != 180*time.Second {
		t.Errorf("%+v", res)
	}
	in := r.install()
	if in.Stage != provision.Failed || in.Armed || in.Attempts != 2 {
		t.Errorf("the install is %+v", in)
	}
	events := r.events()
	if e := events[provision.KindAttemptFailed]; len(e) != 2 || e[0].Stage != "" || e[1].Stage != provision.Failed {
		t.Errorf("failed attempts: %v", e)
	}
	// The first attempt's may be missing: this box boots again after two seconds.
	tails := events[provision.KindLogTail]
	for end := time.Now().Add(patience); len(tails) == 0 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		tails = r.events()[provision.KindLogTail]
	}
	if len(tails) == 0 || len(tails) > 2 || !strings.Contains(tails[len(tails)-1].Message, "Running kickstart %onerror script(s)") {
		t.Errorf("ends of its log: %v", tails)
	}
	r.says(r.whyLater(time.Second), "anaconda", "package source", "Curl error (28): Timeout was reached")
}

// TestSimulatedData: a disk that carries data ends the install at once, since it was not
// armed with --wipe; the box does not come back for another attempt.
func TestSimulatedData(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	if err := os.WriteFile(filepath.Join(r.dir, "simulated-sda"), []byte("somebody's data"), 0o600); err != nil {
		t.Fatal(err)
	}
	res := r.power(simulated.Options{})
	if res.Installed || res.Installs != 1 || res.Boots != 2 || res.Restarts != 1 {
		t.Errorf("%+v", res)
	}
	in := r.install()
	if in.Stage != provision.Failed || !strings.Contains(in.Reason, "This disk carries data") {
		t.Errorf("the install is %+v", in)
	}
	if b, err := os.ReadFile(filepath.Join(r.dir, "simulated-sda")); err != nil || !strings.HasPrefix(string(b), "somebody's data") {
		t.Errorf("the disk: %.20q, %v", b, err)
	}
	live := r.why()
	r.says(live, "disk-guard", "Disk sda carries data: unknown data in its first MiB.", "rackhand install web1 --wipe")
	// A copy of the journal gives the same answer, without an appliance.
	r.kill()
	if copied := r.copiedWhy(); !cmp.Equal(copied, live) {
		t.Error(cmp.Diff(live, copied))
	}
}

// TestSimulatedSecondTry: a script of ours that fails once reports that and starts the next
// attempt itself. That attempt installs the box, because the data on the disk is its own.
func TestSimulatedSecondTry(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	res := r.power(simulated.Options{Fails: simulated.FailPost, FailTimes: 1})
	if !res.Installed || res.Installs != 2 || res.Boots != 3 || res.Restarts != 1 || res.Stands || len(res.Waited) != 0 {
		t.Errorf("%+v", res)
	}
	if in := r.install(); in.Stage != provision.Installed || in.Attempts != 2 {
		t.Errorf("the install is %+v", in)
	}
	if e := r.events()[provision.KindAttemptFailed]; len(e) != 1 || !strings.Contains(e[0].Message, "enabling the agent failed with status 1") {
		t.Errorf("failed attempts: %v", e)
	}
}

// TestSimulatedSiteScript: a script of the site's own that fails stands at a dialog (RHEL 8
// to 10, Fedora 42), or ends as any other error does (Fedora 43, 44). What each release
// logs of its packages is counted.
func TestSimulatedSiteScript(t *testing.T) {
	for _, f := range []family{rocky9, fedora44} {
		t.Run(f.release, func(t *testing.T) {
			t.Parallel()
			r := newTestRackOf(t, f)
			site := filepath.Join(r.dir, "inventory/templates/post.ks")
			if err := errors.Join(os.MkdirAll(filepath.Dir(site), 0o700), os.WriteFile(site, []byte("%post --erroronfail\nexit 1\n%end\n"), 0o600)); err != nil {
				t.Fatal(err)
			}
			res := r.power(simulated.Options{})
			stands := f == rocky9
			if res.Stands != stands || res.Installed || stands && len(res.Waited) != 0 || !stands && (len(res.Waited) != 2 || res.Installs != 2) {
				t.Errorf("%+v", res)
			}
			in, events := r.install(), r.events()
			if (in.Stage == provision.Failed) == stands || (len(events[provision.KindAttemptFailed]) > 0) == stands {
				t.Errorf("the install is %+v", in)
			}
			counted := 0
			for _, e := range events[provision.KindProgress] {
				if e.Source == "syslog" && strings.HasSuffix(e.Message, " of 60 packages") {
					counted++
				}
			}
			if stands { // the appliance keeps the end of the log after three minutes of silence
				lines := strings.Split(strings.TrimSpace(r.log()), "\n")
				tail := provision.Event{
					Seq: 1 << 40, Counted: time.Now().Add(3 * time.Minute), Host: "web1", Source: "syslog", Kind: provision.KindLogTail,
					Message: strings.Join(lines[max(0, len(lines)-6):], "\n"),
				}
				r.says(r.whyLater(4*time.Minute, tail), "anaconda", "failed with status 1", "ENTER")
			}
			if counted < 10 || counted > 60 || len(events[provision.KindPacked]) == 0 {
				t.Errorf("%d events of packages, %d that they are through", counted, len(events[provision.KindPacked]))
			}
		})
	}
}
