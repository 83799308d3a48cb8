package journal_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/journal"
)

func jobRequest(host string, j provision.Job) journal.Request {
	r := request(host)
	r.Job, r.MACs = j, []string{"52:54:00:00:00:01"}
	return r
}

func (r runningJournal) event(t *testing.T, host string, stage provision.Stage) {
	t.Helper()
	if err := r.Record(provision.Event{Host: host, Source: "test", Kind: "test", Stage: stage, Message: "m"}); err != nil {
		t.Fatal(err)
	}
}

// TestJobBesideInstall: a job leaves the host's install as it is, across a restart.
func TestJobBesideInstall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	j := open(t, path)
	if _, err := j.Arm(request("web1")); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Arm(jobRequest("web1", provision.JobRescue)); !errors.Is(err, journal.ErrUnderWay) {
		t.Errorf("a rescue in the middle of an install: %v", err)
	}
	j.event(t, "web1", provision.Serving)
	if !j.Serves("web1") {
		t.Error("it serves, and the journal doesn't know")
	}
	job, err := j.Arm(jobRequest("web1", provision.JobRescue))
	if err != nil || job.ID != "web1-rescue-1" {
		t.Fatalf("%v %v", job.ID, err)
	}
	_, err = j.Arm(request("web1"))
	if !errors.Is(err, journal.ErrUnderWay) || !strings.Contains(err.Error(), "rescue") {
		t.Errorf("an install in the middle of a rescue: %v", err)
	}
	begun, token, err := j.BeginAttempt("web1", rand.Reader)
	if err != nil || begun.ID != job.ID {
		t.Fatalf("%v %v", begun.ID, err)
	}
	if found, ok := j.ByToken(token); !ok || found.ID != job.ID {
		t.Errorf("the token is of %v", found.ID)
	}
	if err := j.Reported(begun, provision.Event{Source: "installer", Kind: "started", Stage: provision.Installer}); err != nil {
		t.Fatal(err)
	}
	// The system of before may still say something.
	if err := j.Agent("web1", provision.Event{Source: "agent", Kind: "converged", Stage: provision.Converged}); err != nil {
		t.Fatal(err)
	}
	j.stop()
	j = open(t, path)
	if now, ok := j.Current("web1"); !ok || now.ID != job.ID || now.Stage != provision.Installer || now.Attempts != 1 || now.Armed {
		t.Errorf("after a restart: %+v", now)
	}
	if in, ok := j.Install("web1"); !ok || in.ID != "web1-1" || in.Stage != provision.Serving {
		t.Errorf("the install: %+v", in)
	}
	if _, _, err := j.BeginAttempt("web1", rand.Reader); !errors.Is(err, journal.ErrNoArm) {
		t.Errorf("a rescue that runs is handed out again: %v", err)
	}
	j.event(t, "web1", provision.Done)
	if now, _ := j.Current("web1"); now.ID != "web1-1" {
		t.Errorf("after the rescue: %v", now.ID)
	}
	if _, ok := j.ByToken(token); ok {
		t.Error("the token of a rescue that is over still holds")
	}
	if !j.Serves("web1") {
		t.Error("after a rescue it no longer serves")
	}
	if in, err := j.Arm(request("web1")); err != nil || in.ID != "web1-2" {
		t.Errorf("the next install: %v %v", in.ID, err)
	}
}

// TestServes: an installed system is there until it is overwritten.
func TestServes(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	arm := func(r journal.Request) {
		t.Helper()
		if _, err := j.Arm(r); err != nil {
			t.Fatal(err)
		}
	}
	serves := func(want bool, after string) {
		t.Helper()
		if got := j.Serves("web1"); got != want {
			t.Errorf("after %s: serves %v", after, got)
		}
	}
	arm(request("web1"))
	serves(false, "arming")
	j.event(t, "web1", provision.Serving)
	arm(request("web1"))
	j.event(t, "web1", provision.Installer)
	j.event(t, "web1", provision.Failed)
	serves(true, "a reinstall that was refused by its disks")
	arm(jobRequest("web1", provision.JobWipe))
	j.event(t, "web1", provision.Cancelled)
	serves(true, "a wipe that was cancelled before it began")
	arm(jobRequest("web1", provision.JobWipe))
	j.event(t, "web1", provision.Installer)
	j.event(t, "web1", provision.Failed)
	serves(false, "a wipe that failed on its way")
	arm(request("web1"))
	j.event(t, "web1", provision.Serving)
	serves(true, "another install")
	arm(request("web1"))
	j.event(t, "web1", provision.Packages)
	j.event(t, "web1", provision.Failed)
	serves(false, "a reinstall that failed while it wrote")
}

// TestWipedThenTried: the usual way of a box that is put to other use is a wipe, and then a
// burn-in. The later job must not bring back what the wipe has erased.
func TestWipedThenTried(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	j := open(t, path)
	steps := func(r journal.Request, stages ...provision.Stage) {
		t.Helper()
		if _, err := j.Arm(r); err != nil {
			t.Fatal(err)
		}
		for _, s := range stages {
			j.event(t, "web1", s)
		}
	}
	steps(request("web1"), provision.Serving)
	steps(jobRequest("web1", provision.JobBurnin), provision.Installer, provision.Done)
	steps(jobRequest("web1", provision.JobWipe), provision.Cancelled)
	if in, _ := j.Install("web1"); !j.Serves("web1") || provision.Wiped(&in, nil) {
		t.Error("a wipe that never began has erased it")
	}
	steps(jobRequest("web1", provision.JobWipe), provision.Installer, provision.Done)
	steps(jobRequest("web1", provision.JobBurnin), provision.Installer, provision.Done)
	j.stop()
	j = open(t, path)
	in, _ := j.Install("web1")
	job, _ := j.Job("web1")
	if j.Serves("web1") || !provision.Wiped(&in, &job) || in.Stage != provision.Serving {
		t.Errorf("serves: %v; %+v", j.Serves("web1"), in)
	}
	steps(request("web1"), provision.Serving)
	if in, _ = j.Install("web1"); !j.Serves("web1") || provision.Wiped(&in, &job) {
		t.Error("reinstalled, but still marked as erased")
	}
}

// TestBurninBeforeFirstInstall: a new box may have a burn-in before it is installed. Its
// first network boot still arms it.
func TestBurninBeforeFirstInstall(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	if _, err := j.Arm(jobRequest("web1", provision.JobBurnin)); err != nil {
		t.Fatal(err)
	}
	j.event(t, "web1", provision.Done)
	if _, ok := j.Current("web1"); ok {
		t.Error("a burn-in counts as an install")
	}
	first := request("web1")
	first.FirstOnly, first.Expires = true, time.Hour
	if in, err := j.Arm(first); err != nil || in.ID != "web1-1" {
		t.Errorf("%v %v", in.ID, err)
	}
}
