package provision_test

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// TestMayBeFinished: whatever became of its reports, a box that may be installed already
// is not handed its installer again; one whose attempt has failed or that lost its power
// half-way is.
func TestMayBeFinished(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*provision.Install)
		why     string // a part of it; "" when it may have its installer again
		enrol   bool   // an agent with its token is believed
		noOffer bool   // it isn't handed out, for another reason
	}{
		{name: "no attempt yet", change: func(in *provision.Install) { in.Stage = provision.Addressed }},
		{name: "stopped at its kernel", change: func(in *provision.Install) { in.Stage = provision.Kernel }},
		{name: "stopped at its kernel, the appliance away", change: func(in *provision.Install) { in.Stage, in.Unheard = provision.Kernel, true }},
		{name: "lost its power before the packages", change: func(in *provision.Install) { in.Stage = provision.Installer }},
		{name: "lost its power in the packages", enrol: true, change: func(in *provision.Install) { in.Stage = provision.Packages }},
		{name: "failed in the packages", change: func(in *provision.Install) { in.Stage, in.GaveUp = provision.Packages, true }},
		{name: "packages through", enrol: true, why: "packages were through", change: func(in *provision.Install) { in.Stage, in.Packed = provision.Packages, true }},
		{name: "packages through, spent", enrol: true, why: "packages were through", change: func(in *provision.Install) { in.Stage, in.Packed, in.Attempts = provision.Packages, true, 3 }},
		{name: "packages through, failed in %post", change: func(in *provision.Install) { in.Stage, in.Packed, in.GaveUp = provision.Packages, true, true }},
		{name: "the appliance was away in the packages", enrol: true, why: "restarted after its installer was heard last, at packages", change: func(in *provision.Install) { in.Stage, in.Unheard = provision.Packages, true }},
		{name: "the appliance was away at the installer", enrol: true, why: "at installer", change: func(in *provision.Install) { in.Stage, in.Unheard = provision.Installer, true }},
		{name: "packages through, and their beginning was not heard", enrol: true, why: "packages were through", change: func(in *provision.Install) { in.Stage, in.Packed = provision.Installer, true }},
		{name: "the appliance was away after the failure", change: func(in *provision.Install) { in.Stage, in.GaveUp, in.Unheard = provision.Packages, true, true }},
		{name: "asked already", enrol: true, why: "because", change: func(in *provision.Install) { in.Stage, in.Doubt = provision.Packages, "because" }},
		{name: "a system runs on it though it failed", why: "an agent", change: func(in *provision.Install) {
			in.Stage, in.GaveUp, in.Doubt = provision.Packages, true, "an agent of this host speaks"
		}},
		{name: "installed", enrol: true, noOffer: true, change: func(in *provision.Install) { in.Stage, in.Packed, in.Armed = provision.Installed, true, false }},
		{name: "cancelled", noOffer: true, change: func(in *provision.Install) { in.Stage, in.Packed = provision.Cancelled, true }},
		{name: "a job", change: func(in *provision.Install) {
			in.Job, in.Stage, in.Unheard = provision.JobRescue, provision.Kernel, true
		}},
	} {
		in := fresh()
		in.Attempts = 1
		tt.change(&in)
		why, may := in.MayBeFinished()
		if may != (tt.why != "") || !strings.Contains(why, tt.why) {
			t.Errorf("%s: %v %q", tt.name, may, why)
		}
		if got, said := in.MayHandOut(at(10)); got == (tt.why != "" || tt.noOffer) || tt.why != "" && !strings.Contains(said, tt.why) {
			t.Errorf("%s: handed out: %v %q", tt.name, got, said)
		}
		if spent, _ := in.Spent(at(10)); spent {
			t.Errorf("%s: it has failed", tt.name)
		}
		if got := in.MayEnrol(); got != tt.enrol {
			t.Errorf("%s: may enrol: %v", tt.name, got)
		}
	}
}

// TestTold: what an installer says counts for its attempt alone.
func TestTold(t *testing.T) {
	in := fresh()
	in.Stage, in.Unheard, in.Doubt = provision.Packages, true, "asked"
	in = in.AfterReport(provision.Event{Kind: provision.KindPacked}, at(5), time.Time{})
	if in.Doubt != "" || !in.Packed || in.Unheard || in.InstallerHeard != at(5) || in.GaveUp {
		t.Errorf("packages through: %+v", in)
	}
	if in = in.AfterReport(provision.Event{Kind: provision.KindAttemptFailed}, at(6), time.Time{}); !in.GaveUp {
		t.Errorf("given up: %+v", in)
	}
	// Who has said that he is done is not failed by what he says after.
	last := in
	last.Attempts = last.Budget.Attempts
	if e := last.Failing(provision.Event{Kind: provision.KindAttemptFailed}); e.Stage != provision.Failed {
		t.Errorf("the last attempt: %+v", e)
	}
	last.Stage = provision.Installed
	if e := last.Failing(provision.Event{Kind: provision.KindAttemptFailed}); e.Stage != "" {
		t.Errorf("after its end: %+v", e)
	}
	in.Doubt = "x"
	if in = in.WithoutReports(); in.Packed || in.GaveUp || in.Doubt != "" || in.Unheard {
		t.Errorf("the next attempt: %+v", in)
	}
}

// TestQuestionWaits: an install whose operator was asked is not given up for its silence.
func TestQuestionWaits(t *testing.T) {
	in := fresh()
	in.Stage, in.Heard, in.Packed = provision.Packages, at(0), true
	late := at(0).Add(2 * provision.Silence)
	gaveUp := func() bool {
		for _, do := range provision.Next(in, late) {
			if do == provision.DoGiveUp {
				return true
			}
		}
		return false
	}
	if !gaveUp() {
		t.Error("silence alone is given up")
	}
	in.Doubt = "asked"
	if gaveUp() {
		t.Error("a question is given up")
	}
	if e := in.Question("because"); e.Level != provision.LevelError || !strings.Contains(e.Message, "`rackhand install web1 --wipe`") || !strings.Contains(e.Message, "`rackhand cancel web1`") {
		t.Errorf("%+v", e)
	}
}
