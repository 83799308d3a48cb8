package journal_test

import (
	"path/filepath"
	"testing"

	"rackhand/provision"
)

// TestHistory: earlier installs and jobs of a host are there with their reasons, the latest
// first, each with its own events.
func TestHistory(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	fail := func(reason string) {
		t.Helper()
		if _, err := j.Arm(request("web1")); err != nil {
			t.Fatal(err)
		}
		for range 300 { // more than are read at once
			j.event(t, "web1", "")
		}
		if err := j.Record(provision.Event{Host: "web1", Source: "installer", Kind: "stopped", Stage: provision.Failed, Message: reason}); err != nil {
			t.Fatal(err)
		}
	}
	fail("sda carries data")
	if _, err := j.Arm(jobRequest("web1", provision.JobWipe)); err != nil {
		t.Fatal(err)
	}
	j.event(t, "web1", provision.Installer)
	j.event(t, "web1", provision.Done)
	fail("no image")
	past, err := j.History(t.Context(), "web1")
	if err != nil || len(past) != 2 || past[0].ID != "web1-2" || past[0].Reason != "no image" || past[1].Reason != "sda carries data" {
		t.Fatalf("%v: %+v", err, past)
	}
	jobs, err := j.JobHistory(t.Context(), "web1")
	if err != nil || len(jobs) != 1 || jobs[0].ID != "web1-wipe-1" || jobs[0].Stage != provision.Done {
		t.Fatalf("%v: %+v", err, jobs)
	}
	for _, in := range append(past, jobs...) {
		want := 302
		if in.Job != provision.NoJob {
			want = 3
		}
		events, err := j.EventsOf(t.Context(), in, 1000)
		if err != nil || len(events) != want || events[0].Stage != provision.Requested || !events[len(events)-1].Stage.Ended() {
			t.Errorf("%s: %v, %d events", in.ID, err, len(events))
		}
		for i, e := range events {
			if e.Install != in.ID || i > 0 && e.Seq <= events[i-1].Seq {
				t.Fatalf("%s: event %d: %+v", in.ID, i, e)
			}
		}
	}
	last, err := j.EventsOf(t.Context(), past[0], 2)
	if err != nil || len(last) != 2 || last[1].Stage != provision.Failed {
		t.Errorf("the last two: %v, %+v", err, last)
	}
	if err := j.Forget(t.Context(), []uint64{last[0].Seq}); err != nil {
		t.Fatal(err)
	}
	left, err := j.Numbered(t.Context(), []uint64{last[0].Seq, last[1].Seq})
	if err != nil || len(left) != 1 || left[0].Seq != last[1].Seq {
		t.Errorf("after pruning: %v, %+v", err, left)
	}
}
