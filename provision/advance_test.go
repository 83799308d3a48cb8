package provision_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision"
)

func at(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }

func fresh() provision.Install {
	return provision.Install{
		ID: "web1-1", Host: "web1", Armed: true, Budget: provision.Budget{Attempts: 3, Time: 15 * time.Minute},
		Stage: provision.Requested, Requested: at(0), Expires: at(3600),
		Reached: map[provision.Stage]time.Time{provision.Requested: at(0)},
	}
}

func event(s int, stage provision.Stage) provision.Event {
	return provision.Event{Time: at(s), Stage: stage, Message: "seen"}
}

func TestAdvanceWholeJourney(t *testing.T) {
	in := fresh()
	for i, s := range provision.Stages()[1:] {
		in = in.Advance(event(i+1, s))
		if in.Stage != s {
			t.Fatalf("after the event of %s the install is at %s", s, in.Stage)
		}
		if want := s.Rank() < provision.Installed.Rank(); in.Armed != want {
			t.Errorf("at %s armed is %v, want %v", s, in.Armed, want)
		}
		if want := s.Rank() >= provision.Installer.Rank(); in.TokenSpent != want {
			t.Errorf("at %s the answer file is spent: %v, want %v", s, in.TokenSpent, want)
		}
	}
	if in.PoweredOn != at(1) || in.Ended != at(13) || len(in.Reached) != 14 {
		t.Errorf("powered on %s, ended %s, %d stages", in.PoweredOn, in.Ended, len(in.Reached))
	}
}

func TestAdvanceSeenOnTheWire(t *testing.T) {
	in := fresh().Advance(event(5, provision.Addressed))
	if in.PoweredOn != at(5) || in.Reached[provision.Powered] != at(5) {
		t.Errorf("seen on the wire at 5 s: powered on %s, reached %v", in.PoweredOn, in.Reached)
	}
}

func TestAdvanceNeverGoesBack(t *testing.T) {
	in := fresh().Advance(event(1, provision.Kernel))
	for _, s := range []provision.Stage{provision.Requested, provision.Addressed, provision.Kernel, "", "nonsense"} {
		if got := in.Advance(event(2, s)); got.Stage != provision.Kernel {
			t.Errorf("an event of stage %q takes it to %s", s, got.Stage)
		}
	}
	ended := in.Advance(event(3, provision.Failed))
	if ended.Armed || ended.Reason != "seen" || ended.Ended != at(3) {
		t.Errorf("failed: %+v", ended)
	}
	if got := ended.Advance(event(4, provision.Serving)); !cmp.Equal(got, ended) {
		t.Errorf("an install that has ended moved: %s", cmp.Diff(ended, got))
	}
}

func TestAdvanceNewAttempt(t *testing.T) {
	in := fresh()
	for i, s := range []provision.Stage{provision.Powered, provision.Script, provision.Kernel, provision.Installer, provision.Packages} {
		in = in.Advance(event(i+1, s))
	}
	before := in
	e := event(60, provision.Script)
	e.Kind = provision.KindAttempt
	in = in.Advance(e)
	if in.Stage != provision.Script || in.Reached[provision.Script] != at(60) {
		t.Fatalf("a new attempt is at %s", in.Stage)
	}
	if _, ok := in.Reached[provision.Packages]; ok {
		t.Error("the stages of the attempt before are still there")
	}
	if in.PoweredOn != at(1) {
		t.Error("the clock began anew")
	}
	if _, ok := before.Reached[provision.Packages]; !ok || before.Stage != provision.Packages {
		t.Error("the install that was given has changed")
	}
}

// The installer's first report may be lost: any later one spends the answer file.
func TestAdvanceSpendsTheAnswer(t *testing.T) {
	if in := fresh().Advance(event(1, provision.Packages)); !in.TokenSpent {
		t.Error("the answer file is not spent")
	}
}

func TestSpent(t *testing.T) {
	in := fresh()
	if spent, _ := in.Spent(at(1)); spent {
		t.Error("a fresh install is spent")
	}
	in.Attempts = 3
	if spent, why := in.Spent(at(1)); !spent || why != "its attempts are spent" {
		t.Errorf("after three attempts of three: %v %q", spent, why)
	}
	in.Armed = false // installed
	if spent, _ := in.Spent(at(1)); spent {
		t.Error("an install that is past its installer is spent")
	}
}

func TestAdvanceProgress(t *testing.T) {
	in := fresh().Advance(provision.Event{Kind: provision.KindProgress, Message: "1 of 2 MB"})
	if in.Progress != "1 of 2 MB" {
		t.Errorf("progress %q", in.Progress)
	}
	if in = in.Advance(event(1, provision.Installed)); in.Progress != "" {
		t.Errorf("the progress of an earlier stage stays: %q", in.Progress)
	}
}

func TestNext(t *testing.T) {
	with := func(change func(*provision.Install)) provision.Install {
		in := fresh()
		change(&in)
		return in
	}
	hung := func(revived bool) provision.Install {
		return with(func(in *provision.Install) {
			in.Stage, in.Armed, in.DiskSet, in.Heard, in.Revived = provision.Installed, false, true, at(1), revived
		})
	}
	tests := []struct {
		name string
		in   provision.Install
		now  time.Time
		want []provision.Action
	}{
		{"armed, somebody presses the button", fresh(), at(1), nil},
		{"power is wanted", with(func(in *provision.Install) { in.Power = provision.PowerWanted }), at(1), []provision.Action{provision.DoPowerOn}},
		{"power failed", with(func(in *provision.Install) { in.Power = provision.PowerFailed }), at(1), nil},
		{"never came", fresh(), at(3601), []provision.Action{provision.DoExpire}},
		{"expiry is past, but the installer runs", with(func(in *provision.Install) { in.Stage = provision.Packages; in.PoweredOn = at(3000) }), at(3601), nil},
		{"installed", with(func(in *provision.Install) { in.Stage, in.Armed = provision.Installed, false }), at(1), []provision.Action{provision.DoBootDisk}},
		{"converged", with(func(in *provision.Install) { in.Stage, in.Armed, in.DiskSet = provision.Converged, false, true }), at(1), []provision.Action{provision.DoCheck}},
		{"late", with(func(in *provision.Install) { in.Stage, in.PoweredOn = provision.Packages, at(1) }), at(902), []provision.Action{provision.DoLate}},
		{"late, and told", with(func(in *provision.Install) { in.Stage, in.PoweredOn, in.Late = provision.Packages, at(1), true }), at(902), nil},
		{"silent", with(func(in *provision.Install) { in.Stage, in.Heard = provision.Packages, at(1) }), at(7202), []provision.Action{provision.DoGiveUp}},
		{"on its way when the arming expires", with(func(in *provision.Install) {
			in.Stage = provision.Kernel
			in.Reached[provision.Addressed] = at(3599)
		}), at(3660), nil},
		{"it came in time and got lost", with(func(in *provision.Install) {
			in.Stage = provision.Kernel
			in.Reached[provision.Addressed] = at(3599)
		}), at(4200), []provision.Action{provision.DoExpire}},
		{"serving", with(func(in *provision.Install) { in.Stage = provision.Serving }), at(9999), nil},
		{"installed, and its firmware takes its time", hung(false), at(361), nil},
		{"installed, and it has not come up", hung(false), at(362), []provision.Action{provision.DoRevive}},
		{"installed, and its firmware tests itself for ten minutes", with(func(in *provision.Install) {
			in.Stage, in.Armed, in.DiskSet, in.Heard, in.Budget.Time = provision.Installed, false, true, at(700), 0
			in.PoweredOn, in.Reached[provision.Addressed] = at(1), at(601)
		}), at(1899), nil},
		{"not come up, and power-cycled", hung(true), at(999), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := provision.Next(tt.in, tt.now); !cmp.Equal(got, tt.want) {
				t.Errorf("Next = %v, want %v", got, tt.want)
			}
		})
	}
}

// TestListeningSince: what an appliance that was off could not hear is no silence.
func TestListeningSince(t *testing.T) {
	in := provision.Install{Stage: provision.Installed, DiskSet: true, Heard: at(1)}
	for _, tt := range []struct {
		began, now int
		want       []provision.Action
	}{
		{0, 362, []provision.Action{provision.DoRevive}},
		{9000, 9001, nil},
		{9000, 9361, []provision.Action{provision.DoRevive}},
		{9000, 16201, []provision.Action{provision.DoGiveUp, provision.DoRevive}},
	} {
		if got := provision.Next(in.ListeningSince(at(tt.began)), at(tt.now)); !cmp.Equal(got, tt.want) {
			t.Errorf("listening since %d, at %d: %v, want %v", tt.began, tt.now, got, tt.want)
		}
	}
	if got := (provision.Install{}).ListeningSince(at(5)); !got.Heard.IsZero() {
		t.Error("a box of which nothing was ever heard")
	}
}

// TestHeardSinceInstalled: only what the box itself says counts, and only after its installer.
func TestHeardSinceInstalled(t *testing.T) {
	for _, tt := range []struct {
		stage  provision.Stage
		source string
		kind   string
		want   bool
	}{
		{provision.Installed, "dhcp", "ack", true},
		{provision.Installed, "dhcp", "other-dhcp", false},
		{provision.Installed, "bmc", "boot-disk", false},
		{provision.Installed, "installer", "report", false},
		{provision.Installed, "http", "token-refused", false},
		{provision.Installed, "tftp", "fetch", true},
		{provision.Packages, "dhcp", "ack", false},
	} {
		in := provision.Install{Stage: tt.stage}.Advance(provision.Event{Source: tt.source, Kind: tt.kind})
		if in.HeardSinceInstalled != tt.want {
			t.Errorf("%+v: %v", tt, in.HeardSinceInstalled)
		}
	}
}

func TestMayHandOut(t *testing.T) {
	tests := []struct {
		name   string
		change func(*provision.Install)
		now    time.Time
		why    string
	}{
		{"armed", func(*provision.Install) {}, at(1), ""},
		{"disarmed", func(in *provision.Install) { in.Armed = false }, at(1), "no install is armed"},
		{"expired", func(*provision.Install) {}, at(3601), "the arming has expired"},
		{"spent", func(in *provision.Install) { in.Attempts = 3 }, at(1), "its attempts are spent"},
		{"over", func(in *provision.Install) { in.Stage = provision.Serving }, at(1), "the install is over (serving)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := fresh()
			tt.change(&in)
			ok, why := in.MayHandOut(tt.now)
			if ok != (tt.why == "") || why != tt.why {
				t.Errorf("MayHandOut = %v, %q; want %q", ok, why, tt.why)
			}
		})
	}
}

func TestToken(t *testing.T) {
	token, hash, err := provision.NewToken(repeat(7))
	if err != nil {
		t.Fatal(err)
	}
	if len(token) != 32 || hash != provision.HashToken(token) || !provision.SameHash(hash, provision.HashToken(token)) {
		t.Errorf("token %q, hash %q", token, hash)
	}
	if provision.SameHash("", "") {
		t.Error("an empty hash matches")
	}
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}
