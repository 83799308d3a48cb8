package retention

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/journal"
)

func TestPast(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const age = 90 * 24 * time.Hour
	var past []journal.Past
	put := func(host string, n int, job provision.Job, stage provision.Stage, days int) {
		in := provision.Install{ID: fmt.Sprintf("%s-%d", host, n), Host: host, Job: job, Stage: stage}
		if stage.Ended() {
			in.Ended = now.AddDate(0, 0, -days)
		}
		if job != provision.NoJob {
			in.ID = fmt.Sprintf("%s-%s-%d", host, job, n)
		}
		past = append(past, journal.Past{Install: in})
	}
	put("busy", 1, provision.NoJob, provision.Serving, 300)
	put("busy", 2, provision.NoJob, provision.Serving, 200)
	put("busy", 3, provision.NoJob, provision.Failed, 150)
	put("busy", 4, provision.NoJob, provision.Failed, 120)
	put("busy", 5, provision.NoJob, provision.Packages, 0)
	put("idle", 1, provision.NoJob, provision.Serving, 1000)
	put("cured", 1, provision.NoJob, provision.Failed, 1100)
	put("cured", 2, provision.NoJob, provision.Failed, 1000)
	put("cured", 3, provision.NoJob, provision.Serving, 900)
	for n := range 60 {
		put("often", n+1, provision.NoJob, provision.Failed, 1)
	}
	put("idle", 1, provision.JobWipe, provision.Done, 500)
	put("idle", 2, provision.JobWipe, provision.Done, 400)
	gone, stay := classify(past, now, age)
	var ids []string
	for _, p := range gone {
		ids = append(ids, p.ID)
	}
	slices.Sort(ids)
	want := []string{"busy-1", "busy-3", "cured-1", "idle-wipe-1"}
	for n := 1; n <= 10; n++ {
		want = append(want, fmt.Sprint("often-", n))
	}
	slices.Sort(want)
	if !slices.Equal(ids, want) {
		t.Errorf("gone: %v", ids)
	}
	// The one under way, the last that ended, the last that served, the last that failed.
	if got := slices.Sorted(maps.Keys(stay)); !slices.Equal(got, []string{"busy-2", "busy-4", "busy-5", "cured-2", "cured-3", "idle-1", "idle-wipe-2", "often-60"}) {
		t.Errorf("staying: %v", got)
	}
}

func TestDays(t *testing.T) {
	now := time.Date(2026, 4, 11, 12, 0, 0, 0, time.UTC)
	d := days{"2026-01-09": 10, "2026-01-10": 20, "2026-01-12": 30, "2026-04-11": 900}
	if seq, done := d.cut(now, 90); seq != 20 || !slices.Equal(done, []string{"2026-01-09"}) {
		t.Errorf("%d, %v", seq, done)
	}
	if seq, _ := d.cut(now, 365); seq != 0 {
		t.Errorf("%d are older than a year", seq)
	}
	if seq, _ := d.cut(now.AddDate(0, 0, 1), 90); seq != 30 {
		t.Errorf("%d", seq)
	}
}
