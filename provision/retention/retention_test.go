package retention_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/retention"
	"rackhand/provision/store"
	"rackhand/provision/store/storetest"
)

// A testKeeper is a keeper with a journal over a real store, and a clock that the test
// moves.
type testKeeper struct {
	testing.TB
	path    string
	passed  atomic.Int64 // nanoseconds; the journal reads its clock at any time
	store   store.Store
	journal *journal.Journal
	keeper  *retention.Keeper
	known   map[string]bool
	stop    func()
}

func newTestKeeper(t testing.TB, keep config.Keep) *testKeeper {
	t.Helper()
	r := &testKeeper{TB: t, path: filepath.Join(storetest.Dir(t), "db"), known: map[string]bool{}}
	r.open(keep)
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *testKeeper) open(keep config.Keep) {
	r.Helper()
	var err error
	if r.store, err = store.OpenBolt(r.path); err != nil {
		r.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if r.journal, err = journal.Open(context.Background(), r.store, r.now, nil, log); err != nil {
		r.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.journal.Run(ctx) }()
	r.stop = func() { cancel(); <-done; r.store.Close() }
	r.keeper = retention.New(retention.Options{
		Journal: r.journal, Store: r.store, Keep: keep, Log: log,
		Known: func(h string) bool { return r.known[h] }, Loaded: func() bool { return true },
	})
}

func (r *testKeeper) now() time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.passed.Load()))
}

func (r *testKeeper) sleep(days int) { r.passed.Add(int64(days) * int64(24*time.Hour)) }

func (r *testKeeper) pass() {
	r.Helper()
	if err := r.keeper.Pass(context.Background()); err != nil {
		r.Fatal(err)
	}
}

// record records many events at once, in any order.
func (r *testKeeper) record(n int, event func(i int) provision.Event) {
	r.Helper()
	var g errgroup.Group
	g.SetLimit(24)
	for i := range n {
		g.Go(func() error { return r.journal.Record(event(i)) })
	}
	if err := g.Wait(); err != nil {
		r.Fatal(err)
	}
}

func (r *testKeeper) count(host string) int {
	r.Helper()
	events, err := r.journal.Events(context.Background(), host, 0)
	if err != nil {
		r.Fatal(err)
	}
	return len(events)
}

func (r *testKeeper) size() int64 {
	r.Helper()
	st, err := os.Stat(r.path)
	if err != nil {
		r.Fatal(err)
	}
	return st.Size()
}

// install takes a host through an install, with events of its installer.
func (r *testKeeper) install(host string, events int) provision.Install {
	r.Helper()
	check := func(err error) {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
	}
	_, err := r.journal.Arm(journal.Request{Host: host, System: "debian12", Budget: provision.Budget{Attempts: 3, Time: time.Hour}, Expires: time.Hour, Source: "operator", Why: "asked for"})
	check(err)
	in, _, err := r.journal.BeginAttempt(host, rand.Reader)
	check(err)
	check(r.journal.Reported(in, provision.Event{Source: "installer", Kind: "progress", Stage: provision.Installer}))
	for i := range events {
		check(r.journal.Reported(in, provision.Event{Source: "installer", Kind: "progress", Stage: provision.Packages, Message: fmt.Sprintf("%d of 980 MB", i)}))
	}
	return in
}

func (r *testKeeper) serve(host string) {
	r.Helper()
	for _, s := range []provision.Stage{provision.Installed, provision.Booted, provision.Enrolled, provision.Converging, provision.Converged, provision.Serving} {
		if err := r.journal.Record(provision.Event{Host: host, Source: "check", Kind: string(s), Stage: s, Message: "it is " + string(s)}); err != nil {
			r.Fatal(err)
		}
	}
}

// TestFloodIsPruned checks that a host that floods the journal loses its own old events and
// no other's, and that the events of an install are kept. The file shrinks. A restart
// changes none of this.
func TestFloodIsPruned(t *testing.T) {
	keep := config.Keep{Days: 90, Events: 500, Size: 64 << 20}
	r := newTestKeeper(t, keep)
	in := r.install("web1", 40)
	r.serve("web1")
	r.record(200, func(i int) provision.Event {
		return provision.Event{Host: "web2", Source: "agent", Kind: "converged", Message: fmt.Sprint(i)}
	})
	fields := map[string]string{}
	for i := range 16 {
		fields[fmt.Sprint(i)] = strings.Repeat("x", 500)
	}
	r.record(3000, func(i int) provision.Event {
		return provision.Event{Host: "web1", Source: "agent", Kind: "converge-failed", Message: fmt.Sprint(i), Fields: fields}
	})
	r.record(1000, func(i int) provision.Event {
		return provision.Event{Host: fmt.Sprintf("52:54:00:00:%02x:%02x", i>>8, i&255), Source: "dhcp", Kind: "unclaimed", Message: "a box"}
	})
	if r.size() < 20<<20 {
		t.Fatalf("the flood left %d bytes", r.size())
	}
	r.pass()
	for range 2 {
		if n := r.count("web1"); n < 500 || n > 560 {
			t.Errorf("%d events of web1 are left", n)
		}
		if n := r.count("web2"); n != 200 {
			t.Errorf("%d events of web2 are left", n)
		}
		if n := r.count(""); n > 560+200+500+1 {
			t.Errorf("%d events are left", n)
		}
		stages := map[provision.Stage]bool{}
		events, err := r.journal.Events(t.Context(), "web1", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Install == in.ID {
				stages[e.Stage] = true
			}
		}
		for _, s := range []provision.Stage{provision.Requested, provision.Script, provision.Installer, provision.Packages, provision.Installed, provision.Serving} {
			if !stages[s] {
				t.Errorf("no event of its install at %s is left", s)
			}
		}
		if r.size() > 8<<20 {
			t.Errorf("the file has %d bytes", r.size())
		}
		seq := r.journal.Seq()
		r.stop()
		r.open(keep)
		if r.journal.Seq() != seq {
			t.Errorf("after a restart the last event is %d, it was %d", r.journal.Seq(), seq)
		}
		r.pass()
	}
}

// TestOldIsPruned checks that age is by counted time, whatever the machine's clock says.
func TestOldIsPruned(t *testing.T) {
	r := newTestKeeper(t, config.Keep{Days: 10, Events: 10000, Size: 64 << 20})
	r.known["web1"] = true
	day := func(n int) {
		for range n {
			r.pass()
			r.record(10, func(int) provision.Event {
				// A wrong clock would have written this date.
				return provision.Event{Host: "web1", Source: "agent", Kind: "converged", Time: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)}
			})
			r.sleep(1)
		}
		r.pass()
	}
	day(10)
	if n := r.count("web1"); n != 100 {
		t.Errorf("after ten days %d are left", n)
	}
	day(30)
	if n := r.count("web1"); n != 100 {
		t.Errorf("after 40 days %d are left", n)
	}
	days, _, err := r.store.List(t.Context(), "day/")
	if err != nil || len(days) > 12 {
		t.Errorf("%d days are remembered, %v", len(days), err)
	}
}

// TestOrphans checks that records of deleted jobs and of removed hosts are deleted with
// them, and that others are kept.
func TestOrphans(t *testing.T) {
	r := newTestKeeper(t, config.Keep{Days: 10, Events: 10000, Size: 64 << 20})
	r.known["web1"] = true
	for _, h := range []string{"web1", "gone1", "away1"} {
		r.record(1, func(int) provision.Event { return provision.Event{Host: h, Source: "agent", Kind: "converged"} })
		for _, prefix := range []string{"report/", "facts/", "order/", "reports/", "cert/"} {
			if _, err := r.store.Txn(t.Context(), nil, store.Op{Key: prefix + h, Value: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	job, err := r.journal.Arm(journal.Request{Host: "web1", Job: provision.JobWipe, Budget: provision.Budget{Attempts: 1, Time: time.Hour}, Expires: time.Hour, Source: "operator", Why: "asked for"})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{job.ID, "web1-wipe-77"} {
		if _, err := r.store.Txn(t.Context(), nil, store.Op{Key: "jobreport/" + id, Value: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.store.Txn(t.Context(), nil, store.Op{Key: "cert/gone1", Value: []byte(`{"revoked":"it was removed"}`)}); err != nil {
		t.Fatal(err)
	}
	there := func(key string) bool { _, err := r.store.Get(t.Context(), key); return err == nil }
	r.pass()
	if !there("report/gone1") || !there("cert/gone1") || there("jobreport/web1-wipe-77") || !there("jobreport/"+job.ID) {
		t.Error("at once: what was just seen goes, or a report without a job stays")
	}
	r.sleep(11)
	r.pass()
	if there("report/gone1") || there("reports/gone1") || there("facts/gone1") || there("order/gone1") || !there("order/web1") || !there("reports/web1") || there("cert/gone1") || !there("report/web1") || !there("cert/web1") || !there("jobreport/"+job.ID) {
		t.Error("after eleven days: what is left of gone1 stays, or web1 loses something")
	}
	if there("report/away1") || !there("cert/away1") {
		t.Error("the certificate of a host that serves, and is in the inventory no more, is gone before it was revoked")
	}
	var h journal.Host
	rec, err := r.store.Get(t.Context(), "host/gone1")
	if err != nil || json.Unmarshal(rec.Value, &h) != nil {
		t.Errorf("the record of gone1's box is lost: %v", err) // it says whether the box was installed before
	}
}

// TestStatsAreOfNow checks that events since the last pass count, so that a status right
// after the start doesn't report an empty database.
func TestStatsAreOfNow(t *testing.T) {
	r := newTestKeeper(t, config.Keep{Days: 90, Events: 10000, Size: 256 << 20})
	for _, want := range []int{3, 6} {
		r.record(3, func(i int) provision.Event {
			return provision.Event{Source: "test", Kind: "k", Message: fmt.Sprint(i)}
		})
		if s := r.keeper.Stats(); s.Events != want || s.Bytes == 0 {
			t.Errorf("%+v, want %d events", s, want)
		}
		r.pass()
		if s := r.keeper.Stats(); s.Events != want {
			t.Errorf("after a pass: %+v, want %d events", s, want)
		}
	}
}
