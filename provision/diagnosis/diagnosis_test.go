package diagnosis_test

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/diagnosis"
	"rackhand/provision/journal"
	"rackhand/provision/journal/journaltest"
)

// A desk is a journal whose time the test moves.
type desk struct {
	t       testing.TB
	dir     string
	elapsed time.Duration
	began   time.Time
	j       *journal.Journal
	snap    *inventory.Snapshot
}

func newDesk(t testing.TB, hosts ...string) *desk {
	d := &desk{t: t, dir: t.TempDir(), began: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), snap: &inventory.Snapshot{Hosts: map[string]*inventory.Host{}}}
	network := &inventory.Network{Name: "rack1"}
	for i, h := range hosts {
		d.snap.Hosts[h] = &inventory.Host{Name: h, MACs: []inventory.MAC{{0x52, 0x54, 0, 0, 0, byte(i + 1)}}, Network: network}
	}
	_, d.j = journaltest.Run(t, d.dir, d.clock, func() time.Duration { return d.elapsed }, slog.New(slog.DiscardHandler))
	return d
}

// clock is the machine's clock.
func (d *desk) clock() time.Time { return d.began.Add(d.elapsed) }

func (d *desk) arm(host string) {
	d.t.Helper()
	if _, err := d.j.Arm(journal.Request{Host: host, System: "debian12", Budget: provision.Budget{Attempts: 3, Time: 15 * time.Minute}, Expires: time.Hour, Source: "operator"}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) record(events ...provision.Event) {
	d.t.Helper()
	for _, e := range events {
		if err := d.j.Record(e); err != nil {
			d.t.Error(err)
		}
	}
}

func (d *desk) diagnose(b *diagnosis.Book) diagnosis.Diagnosis {
	d.t.Helper()
	got, err := b.Diagnose(d.t.Context(), d.snap, d.clock())
	if err != nil {
		d.t.Fatal(err)
	}
	return got
}

func TestFollows(t *testing.T) {
	d := newDesk(t, "web1", "web2")
	book := diagnosis.New(d.j)
	d.arm("web1")
	d.record(provision.Event{Host: "web1", Source: "agent", Kind: "converging", Stage: provision.Converging, Message: "it converges"})
	if got := d.diagnose(book); len(got.Stuck) != 0 {
		t.Fatalf("%+v", got.Stuck)
	}
	d.elapsed += 41 * time.Minute
	got := d.diagnose(book)
	if s := got.Stuck["web1"]; s == nil || s.Rule != "silent" || s.Last.Text != "it converges" || !s.Since.Equal(d.began) || len(got.Stuck) != 1 {
		t.Fatalf("%+v", got.Stuck)
	}
	// A fresh book, over a copy of the journal, says the same.
	if again := d.diagnose(diagnosis.New(d.copied())); !cmp.Equal(again, got) {
		t.Error(cmp.Diff(got, again))
	}
	d.record(provision.Event{Host: "web1", Source: "agent", Kind: "converged", Stage: provision.Converged, Message: "it holds"})
	if got := d.diagnose(book); len(got.Stuck) != 0 {
		t.Errorf("it went on: %+v", got.Stuck)
	}
	d.record(provision.Event{Host: "web1", Source: "operator", Kind: "cancelled", Stage: provision.Cancelled, Message: "cancelled"})
	d.elapsed += time.Hour
	if got := d.diagnose(book); len(got.Stuck) != 0 {
		t.Errorf("it was cancelled: %+v", got.Stuck)
	}
}

// copied is a journal over a copy of the database.
func (d *desk) copied() *journal.Journal {
	d.t.Helper()
	dir := d.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(d.dir)); err != nil {
		d.t.Fatal(err)
	}
	var at time.Duration // the copy goes on from where the database was written
	_, j := journaltest.Run(d.t, dir, d.clock, func() time.Duration { return at }, slog.New(slog.DiscardHandler))
	at = d.elapsed
	return j
}

// A book that is far behind begins again, and says the same.
func TestFarBehind(t *testing.T) {
	d := newDesk(t, "web1")
	book := diagnosis.New(d.j)
	d.arm("web1")
	d.diagnose(book)
	d.record(provision.Event{Host: "web1", Source: "agent", Kind: "converging", Stage: provision.Converging, Message: "it converges"})
	var group sync.WaitGroup // those that are recorded at once share a sync
	for range 100 {
		group.Go(func() {
			for range 42 {
				d.record(provision.Event{Host: "other", Source: "dhcp", Kind: "ack", Message: "it asks"})
			}
		})
	}
	group.Wait()
	d.elapsed += 41 * time.Minute
	if s := d.diagnose(book).Stuck["web1"]; s == nil || s.Last.Text != "it converges" {
		t.Fatalf("%+v", s)
	}
}

// Events of a run of progress and of a box that never stops booting stay bounded.
func TestBounded(t *testing.T) {
	d := newDesk(t, "web1")
	book := diagnosis.New(d.j)
	d.arm("web1")
	d.diagnose(book)
	for i := range 500 {
		d.record(provision.Event{Host: "web1", Source: "agent", Kind: "converging", Stage: provision.Converging, Message: fmt.Sprint(i)})
		if i%100 == 0 {
			d.diagnose(book)
		}
	}
	d.elapsed += 41 * time.Minute
	if s := d.diagnose(book).Stuck["web1"]; s == nil || s.Last.Text != "499" {
		t.Fatalf("%+v", s)
	}
}

// An install that failed long ago still has its cause, with the time of its end.
func TestFailed(t *testing.T) {
	d := newDesk(t, "web1")
	d.arm("web1")
	d.elapsed = time.Minute
	d.record(provision.Event{Host: "web1", Source: "installer", Kind: "report", Stage: provision.Failed, Message: "the disk is gone"})
	d.elapsed = 100 * time.Hour
	s := d.diagnose(diagnosis.New(d.j)).Stuck["web1"]
	if s == nil || s.Rule != "failed" || s.Cause() != "the disk is gone" || !s.Since.Equal(d.began.Add(time.Minute)) {
		t.Fatalf("%+v", s)
	}
	// The answer is kept, until the journal or the inventory has more to say.
	book := diagnosis.New(d.j)
	for range 2 {
		if s := d.diagnose(book).Stuck["web1"]; s == nil || s.Rule != "failed" || !s.Since.Equal(d.began.Add(time.Minute)) {
			t.Fatalf("%+v", s)
		}
	}
	d.record(provision.Event{Host: "web1", Source: "installer", Kind: "disk-guard", Message: "data", Fields: map[string]string{"disk": "sda", "found": "gpt"}})
	if s := d.diagnose(book).Stuck["web1"]; s == nil || s.Rule != "disk-guard" {
		t.Fatalf("%+v", s)
	}
	// A host that was removed from the inventory has no diagnosis.
	delete(d.snap.Hosts, "web1")
	if got := d.diagnose(diagnosis.New(d.j)); len(got.Stuck) != 0 {
		t.Error(got.Stuck)
	}
}
