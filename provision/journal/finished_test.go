package journal_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision"
	"rackhand/provision/journal"
)

// attempt begins an attempt of a host and gives its installer's stages; enrol is the
// token in its answer file.
func attempt(t *testing.T, j *journal.Journal, host string, events ...provision.Event) (in provision.Install, enrol string) {
	t.Helper()
	in, _, err := j.BeginAttempt(host, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	enrol, hash, err := provision.NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Answered(in, hash, nil); err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		e.Source = "installer"
		if err := j.Reported(in, e); err != nil {
			t.Fatal(err)
		}
	}
	return in, enrol
}

var (
	begun   = provision.Event{Stage: provision.Installer, Kind: "progress"}
	packing = provision.Event{Stage: provision.Packages, Kind: "progress"}
	packed  = provision.Event{Kind: provision.KindPacked}
	gaveUp  = provision.Event{Kind: provision.KindAttemptFailed}
)

// TestEnrolledThoughUnreported: the report of the end was lost. A system that enrols with
// this attempt's token proves the end. An enrolment of a failed attempt, or before the
// packages, proves nothing.
func TestEnrolledThoughUnreported(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []provision.Event
		good   bool
	}{
		{"before the packages", []provision.Event{begun}, false},
		{"in the packages", []provision.Event{begun, packing}, true},
		{"packages through", []provision.Event{begun, packing, packed}, true},
		{"failed", []provision.Event{begun, packing, packed, gaveUp}, false},
	} {
		j := open(t, filepath.Join(t.TempDir(), "db"))
		if _, err := j.Arm(request("web1")); err != nil {
			t.Fatal(err)
		}
		_, enrol := attempt(t, j.Journal, "web1", tt.events...)
		err := j.Enrol("web1", enrol, "key")
		in, _ := j.Install("web1")
		if !tt.good {
			if !errors.Is(err, journal.ErrToken) || in.Stage.Rank() > provision.Packages.Rank() {
				t.Errorf("%s: %v, at %s", tt.name, err, in.Stage)
			}
			continue
		}
		if err != nil || in.Stage != provision.Enrolled || in.Armed || in.Reached[provision.Installed].IsZero() {
			t.Errorf("%s: %v, %+v", tt.name, err, in)
		}
		if may, _ := in.MayHandOut(in.Requested); may {
			t.Errorf("%s: its installer is handed out again", tt.name)
		}
		events, err := j.Events(t.Context(), "web1", 2)
		if err != nil || events[0].Kind != "installed-unreported" || events[1].Kind != "enrolled" {
			t.Errorf("%s: %v %+v", tt.name, err, events)
		}
	}
}

// TestAnswer: the operator answers with `rackhand install HOST --wipe`, and with nothing
// less; a first boot never does.
func TestAnswer(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	first, err := j.Arm(request("web1"))
	if err != nil {
		t.Fatal(err)
	}
	attempt(t, j.Journal, "web1", begun, packing, packed)
	if _, _, err := j.BeginAttempt("web1", rand.Reader); !errors.Is(err, journal.ErrNoArm) || !strings.Contains(err.Error(), "may be installed already") {
		t.Errorf("another attempt without an answer: %v", err)
	}
	asked := request("web1")
	asked.Source = "operator"
	// Before the question: its installer may be about to report the end.
	asked.Wipe = true
	if _, err := j.Arm(asked); !errors.Is(err, journal.ErrUnderWay) {
		t.Errorf("replaced before anybody was asked: %v", err)
	}
	if _, err := j.Update("web1", "", func(in provision.Install) (provision.Install, provision.Event, error) {
		in.Doubt, _ = in.MayBeFinished()
		return in, in.Question(in.Doubt), nil
	}); err != nil {
		t.Fatal(err)
	}
	asked.Wipe = false
	if _, err := j.Arm(asked); !errors.Is(err, journal.ErrUnderWay) || !strings.Contains(err.Error(), "--wipe") {
		t.Errorf("without --wipe: %v", err)
	}
	byItself := asked
	byItself.Source, byItself.Wipe = "dhcp", true
	if _, err := j.Arm(byItself); !errors.Is(err, journal.ErrUnderWay) {
		t.Errorf("armed by itself: %v", err)
	}
	asked.Wipe = true
	second, err := j.Arm(asked)
	if err != nil || second.ID == first.ID || !second.Armed || !second.Wipe || second.Attempts != 0 {
		t.Fatalf("answered: %v %+v", err, second)
	}
	events, err := j.Events(t.Context(), "web1", 2)
	if err != nil || events[0].Kind != "answered" || events[0].Install != first.ID || events[0].Stage != provision.Cancelled || events[1].Kind != "armed" {
		t.Errorf("%v %+v", err, events)
	}
	if _, _, err := j.BeginAttempt("web1", rand.Reader); err != nil {
		t.Errorf("after the answer: %v", err)
	}
	// An install that is not in doubt can't be replaced.
	if _, err := j.Arm(asked); !errors.Is(err, journal.ErrUnderWay) {
		t.Errorf("one under way was replaced: %v", err)
	}
}

// TestNextAttempt: a failure that was reported is believed.
func TestNextAttempt(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	if _, err := j.Arm(request("web1")); err != nil {
		t.Fatal(err)
	}
	attempt(t, j.Journal, "web1", begun, packing, packed, gaveUp)
	in, _, err := j.BeginAttempt("web1", rand.Reader)
	if err != nil || in.Packed || in.GaveUp {
		t.Errorf("%v %+v", err, in)
	}
}

// TestChattyInstaller: after any number of reports, those that decide about the next attempt
// still count.
func TestChattyInstaller(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	if _, err := j.Arm(request("web1")); err != nil {
		t.Fatal(err)
	}
	in, _ := attempt(t, j.Journal, "web1", begun, packing)
	if _, err := j.Update("web1", "", func(in provision.Install) (provision.Install, provision.Event, error) {
		in.Events = 5000
		return in, provision.Event{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := j.Reported(in, provision.Event{Source: "installer", Kind: "progress"}); !errors.Is(err, journal.ErrTooMany) {
		t.Errorf("one more line: %v", err)
	}
	for _, e := range []provision.Event{packed, gaveUp} {
		e.Source = "installer"
		if err := j.Reported(in, e); err != nil {
			t.Errorf("%s: %v", e.Kind, err)
		}
	}
	if now, _ := j.Install("web1"); !now.Packed || !now.GaveUp {
		t.Errorf("packed %v, gave up %v", now.Packed, now.GaveUp)
	}
}
