package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

func job(j provision.Job) provision.Install {
	in := fresh()
	in.Job = j
	return in
}

func TestJobAdvances(t *testing.T) {
	in := job(provision.JobWipe)
	for i, s := range []provision.Stage{provision.Powered, provision.Addressed, provision.Bootfile, provision.Script, provision.Kernel} {
		in = in.Advance(provision.Event{Time: at(i + 1), Stage: s})
		if in.Stage != s || !in.Armed {
			t.Fatalf("at %s: %s, armed %v", s, in.Stage, in.Armed)
		}
	}
	in = in.Advance(provision.Event{Time: at(9), Stage: provision.Installer})
	if in.Armed || !in.TokenSpent {
		t.Error("a wipe that has begun may be handed out again")
	}
	for _, s := range []provision.Stage{provision.Packages, provision.Installed, provision.Serving} {
		if got := in.Advance(provision.Event{Time: at(10), Stage: s}); got.Stage != provision.Installer {
			t.Errorf("a job came to %s", got.Stage)
		}
	}
	done := in.Advance(provision.Event{Time: at(11), Stage: provision.Done, Message: "2 disks are erased"})
	if done.Stage != provision.Done || !done.Ended.Equal(at(11)) || done.UnderWay() || done.Reason != "2 disks are erased" {
		t.Errorf("done: %+v", done)
	}
	if after := done.Advance(provision.Event{Time: at(12), Stage: provision.Failed}); after.Stage != provision.Done {
		t.Error("what is done has failed afterwards")
	}
	install := fresh()
	if got := install.Advance(provision.Event{Time: at(1), Stage: provision.Done}); got.Stage != provision.Requested {
		t.Errorf("an install is %s", got.Stage)
	}
}

func TestJobNext(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*provision.Install)
		now    time.Time
		want   []provision.Action
	}{
		{"its power is wanted", func(in *provision.Install) { in.Power = provision.PowerWanted }, at(1), []provision.Action{provision.DoPowerOn}},
		{"nobody came", func(*provision.Install) {}, at(3601), []provision.Action{provision.DoExpire}},
		{"it runs", func(in *provision.Install) { in.Stage, in.Armed, in.Heard = provision.Installer, false, at(9) }, at(3700), nil},
		{"it runs, and says nothing", func(in *provision.Install) { in.Stage, in.Armed, in.Heard = provision.Installer, false, at(9) }, at(7300), []provision.Action{provision.DoGiveUp}},
		{"it is done", func(in *provision.Install) { in.Stage = provision.Done }, at(9999), nil},
	} {
		in := job(provision.JobRescue)
		in.Budget.Time = 0 // no time budget: a wipe takes what it takes
		c.change(&in)
		if got := provision.Next(in, c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestJobSpent(t *testing.T) {
	in := job(provision.JobWipe)
	in.Stage, in.Armed = provision.Installer, false
	if spent, why := in.Spent(at(1)); !spent || !strings.Contains(why, "rebooted before its wipe had ended") {
		t.Errorf("a box that reboots in the middle of a wipe: %v %q", spent, why)
	}
	in.Stage = provision.Done
	if spent, _ := in.Spent(at(1)); spent {
		t.Error("a box that boots after its job has failed")
	}
	if ok, why := in.MayHandOut(at(1)); ok || why != "the wipe is over (done)" {
		t.Errorf("%v %q", ok, why)
	}
}

func TestOrderCheck(t *testing.T) {
	for _, c := range []struct {
		job   provision.Job
		order provision.Order
		bad   string // part of the error; "" for none
	}{
		{provision.JobRescue, provision.Order{Keys: []string{"ssh-ed25519 AAAA"}}, ""},
		{provision.JobRescue, provision.Order{}, "--key"},
		{provision.JobRescue, provision.Order{Keys: []string{strings.Repeat("x", 3000)}}, "3000 bytes"},
		{provision.JobRescue, provision.Order{Keys: make([]string, 40)}, "at most"},
		{provision.JobWipe, provision.Order{}, ""},
		{provision.JobWipe, provision.Order{Disks: []string{"sda", "S3Z8NB0K"}}, ""},
		{provision.JobWipe, provision.Order{Disks: []string{""}}, "not the name or serial number"},
		{provision.JobWipe, provision.Order{Disks: []string{"sda\nsdb"}}, "not the name or serial number"},
		{provision.JobWipe, provision.Order{Keys: []string{"k"}}, "rescue alone"},
		{provision.JobBurnin, provision.Order{Minutes: 60}, ""},
		{provision.JobBurnin, provision.Order{}, "minutes"},
		{provision.JobBurnin, provision.Order{Minutes: 1 << 30}, "minutes"},
		{provision.JobBurnin, provision.Order{Minutes: 1, Disks: []string{"sda"}}, "wipe alone"},
		{"explode", provision.Order{}, "not a job"},
		{provision.NoJob, provision.Order{}, "not a job"},
	} {
		err := c.order.Check(c.job)
		if (err != nil) != (c.bad != "") || err != nil && !strings.Contains(err.Error(), c.bad) {
			t.Errorf("%s %.60v: %v, want %q", c.job, c.order, err, c.bad)
		}
	}
}

func TestJobTakes(t *testing.T) {
	all := append(provision.Stages(), provision.Failed, provision.Cancelled, provision.Done, "")
	for j, want := range map[provision.Job][]provision.Stage{
		provision.NoJob:     {provision.Installer, provision.Packages, provision.Installed, provision.Failed, ""},
		provision.JobRescue: {provision.Installer, provision.Failed, provision.Done, ""},
		provision.JobWipe:   {provision.Installer, provision.Failed, provision.Done, ""},
	} {
		var got []provision.Stage
		for _, s := range all {
			if j.Takes(s) {
				got = append(got, s)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q takes %q", j, got)
		}
	}
}

func TestWiped(t *testing.T) {
	install := fresh() // asked for at 0
	install.Stage = provision.Serving
	wipe := job(provision.JobWipe)
	if provision.Wiped(&install, &wipe) || provision.Wiped(nil, nil) || provision.Wiped(&install, nil) {
		t.Error("wiped before it began")
	}
	wipe.Reached = map[provision.Stage]time.Time{provision.Installer: at(5)}
	if !provision.Wiped(&install, &wipe) || !provision.Wiped(nil, &wipe) {
		t.Error("not wiped after it began")
	}
	install.Requested = at(10)
	if provision.Wiped(&install, &wipe) {
		t.Error("wiped, and installed since")
	}
	rescue := job(provision.JobRescue)
	rescue.Reached = wipe.Reached
	if provision.Wiped(nil, &rescue) {
		t.Error("wiped by a rescue")
	}
}
