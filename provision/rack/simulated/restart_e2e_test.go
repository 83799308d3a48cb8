//go:build e2e

package simulated_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/rack/simulated"
)

// TestSimulatedRestartAtTheEnd: the appliance is killed just when a box is about to say
// that it is installed, and comes back. The report gets through, and the box is not
// installed a second time.
func TestSimulatedRestartAtTheEnd(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	ended := r.runTo(powered{Options: simulated.Options{PauseAt: simulated.PauseEnd}, Enrols: true})
	r.kill()
	r.goOn()
	time.Sleep(3 * time.Second) // it is refused a few times; more or fewer make no difference
	r.appliance()
	res := <-ended
	if !res.Installed || res.Installs != 1 || res.Boots != 2 {
		t.Errorf("%+v", res)
	}
	in, events := r.install(), r.events()
	if in.Stage.Rank() < provision.Enrolled.Rank() || in.Attempts != 1 || in.Armed || len(events[provision.KindQuestion]) > 0 || len(events["installed-unreported"]) > 0 {
		t.Errorf("the install is %+v", in)
	}
}

// TestSimulatedLostReport: the report of the end is lost altogether, and the box comes
// back by network. It is not handed the installer: it boots its disk, and the system there
// enrols, by which the install goes on.
func TestSimulatedLostReport(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	res := r.run(powered{Options: simulated.Options{Mute: true}, Enrols: true})
	if res.Installs != 1 || res.Boots != 2 {
		t.Errorf("%+v", res)
	}
	in, events := r.install(), r.events()
	if in.Stage.Rank() < provision.Enrolled.Rank() || in.Attempts != 1 || in.Armed || in.Doubt != "" {
		t.Errorf("the install is %+v", in)
	}
	if len(events[provision.KindQuestion]) != 1 || len(events["installed-unreported"]) != 1 {
		t.Errorf("asked %v, told %v", events[provision.KindQuestion], events["installed-unreported"])
	}
}

// TestSimulatedQuestion: the same of a box whose system doesn't enrol. However often it
// comes by network, it is not handed the installer before the operator has said that what
// is on its disks may be lost.
func TestSimulatedQuestion(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	installs := 0
	for range 3 {
		installs += r.power(simulated.Options{Mute: true}).Installs
	}
	first, events := r.install(), r.events()
	if installs != 1 || len(events[provision.KindQuestion]) != 1 || first.Attempts != 1 || first.Stage != provision.Packages || !strings.Contains(first.Doubt, "packages were through") {
		t.Errorf("%d installs, asked %v: %+v", installs, events[provision.KindQuestion], first)
	}
	if _, err := r.client.Install(t.Context(), "web1", provision.InstallRequest{}); err == nil || !strings.Contains(err.Error(), "`rackhand install web1 --wipe`") {
		t.Errorf("without --wipe: %v", err)
	}
	if _, err := r.client.Install(t.Context(), "web1", provision.InstallRequest{Wipe: true}); err != nil {
		t.Fatal(err)
	}
	res := r.power(simulated.Options{})
	if second := r.install(); !res.Installed || res.Installs != 1 || second.ID == first.ID || second.Stage != provision.Installed {
		t.Errorf("%+v, %+v", res, second)
	}
}

// TestSimulatedLateFetch: the answer file is asked for after the installer has begun.
func TestSimulatedLateFetch(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	res := r.power(simulated.Options{Late: true})
	if !res.Installed || res.LateStatus != 403 {
		t.Errorf("%+v", res)
	}
	if e := r.events()["answer-late"]; len(e) != 1 || e[0].Level != provision.LevelError {
		t.Errorf("late fetches: %v", e)
	}
}

// TestSimulatedInitrdGivesUp: the Kickstart can't be rendered any more when the initrd asks
// for it. The box comes back as another attempt, is kept waiting at its script, and goes on
// when the template is mended.
func TestSimulatedInitrdGivesUp(t *testing.T) {
	t.Parallel()
	r := newTestRack(t)
	ended := r.runTo(powered{Options: simulated.Options{PauseAt: simulated.PauseInitrd}})
	site := filepath.Join(r.dir, "inventory/templates/post.ks")
	if err := errors.Join(os.MkdirAll(filepath.Dir(site), 0o700), os.WriteFile(site, []byte("{{ var \"missing\" }}\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	r.goOn()
	for len(r.events()[provision.KindAttempt]) == 1 { // the second one is not handed out
		time.Sleep(200 * time.Millisecond)
		if n := len(r.events()["ack"]); n >= 4 { // firmware, iPXE and initrd, and firmware again
			break
		}
	}
	if err := os.Remove(site); err != nil {
		t.Fatal(err)
	}
	res := <-ended
	if in := r.install(); !res.Installed || res.Installs != 2 || len(res.Waited) != 0 || in.Attempts != 2 || in.Stage != provision.Installed {
		t.Errorf("%+v: %+v", res, in)
	}
	if len(r.events()["template"]) == 0 {
		t.Error("nobody was told")
	}
}
