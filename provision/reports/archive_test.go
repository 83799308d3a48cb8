package reports_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision/catalog"
	"rackhand/provision/reports"
	"rackhand/provision/store"
	"rackhand/provision/store/storetest"
)

// A testArchive is an archive over a real store, by a clock that the test moves.
type testArchive struct {
	*testing.T
	*reports.Archive
	store  store.Store
	keep   config.Keep
	passed time.Duration
}

func newTestArchive(t *testing.T) *testArchive {
	st, err := store.OpenBolt(filepath.Join(storetest.Dir(t), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	r := &testArchive{T: t, store: st, keep: config.Default().Keep}
	r.restart()
	return r
}

func (r *testArchive) now() time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(r.passed)
}

// restart stands for a new process: only the store survives.
func (r *testArchive) restart() {
	r.Helper()
	r.Archive = reports.New(reports.Options{Store: r.store, Clock: func() time.Time { return r.now().Add(1000 * time.Hour) }, Counted: r.now, Keep: r.keep, Log: slog.New(slog.DiscardHandler)})
	if err := r.Load(r.Context()); err != nil {
		r.Fatal(err)
	}
}

func (r *testArchive) put(host string, x catalog.Report) reports.Kept {
	r.Helper()
	k, err := r.Put(r.Context(), host, x, 0)
	if err != nil {
		r.Fatal(err)
	}
	return k
}

func (r *testArchive) earlier(host string) []reports.Kept {
	r.Helper()
	list, err := r.Earlier(r.Context(), host)
	if err != nil {
		r.Fatal(err)
	}
	return list
}

// report is one with a resource that held and one that was changed.
func report(n int) catalog.Report {
	x := catalog.Report{
		Host: "web1", Status: catalog.Changed, Started: time.Date(2026, 1, 1, 0, n, 0, 0, time.UTC),
		Results: []catalog.Result{{ID: "a", Status: catalog.OK}, {ID: "b", Status: catalog.Changed, Message: fmt.Sprint(n), Cause: catalog.CauseCatalog}},
	}
	x.SetTotals()
	return x
}

// The latest report is whole, earlier ones list what happened, and both survive a restart.
func TestLatestAndEarlier(t *testing.T) {
	r := newTestArchive(t)
	if _, err := r.Last(t.Context(), "web1"); !errors.Is(err, reports.ErrNone) {
		t.Fatal(err)
	}
	for n := range 3 {
		r.put("web1", report(n))
		r.passed += time.Minute
	}
	r.put("web2", report(9))
	r.restart()
	k, err := r.Last(t.Context(), "web1")
	if err != nil || k.Number != 3 || len(k.Results) != 2 || k.Results[1].Message != "2" || k.Silent {
		t.Errorf("%v %+v", err, k)
	}
	list := r.earlier("web1")
	if len(list) != 2 || list[0].Number != 2 || list[1].Number != 1 || len(list[1].Results) != 1 || list[1].Results[0].Message != "0" || list[1].Count().OK != 1 {
		t.Errorf("%+v", list)
	}
	if runs := r.Runs(); len(runs) != 2 || runs["web1"].Number != 3 || runs["web1"].Totals.Changed != 1 || runs["web2"].Number != 1 || !runs["web1"].Received.Equal(k.Received) {
		t.Errorf("%+v", runs)
	}
}

// An agent that didn't hear that its report was kept sends it once more: it is one.
func TestSentTwice(t *testing.T) {
	r := newTestArchive(t)
	r.put("web1", report(1))
	r.put("web1", report(2))
	r.put("web1", report(2))
	if k, _ := r.Last(t.Context(), "web1"); k.Number != 2 || len(r.earlier("web1")) != 1 {
		t.Errorf("number %d, %d earlier", k.Number, len(r.earlier("web1")))
	}
}

// 100 reports are kept, and none but the latest for more than 30 days that the appliance ran.
func TestBounds(t *testing.T) {
	r := newTestArchive(t)
	for n := range 130 {
		r.put("web1", report(n))
		r.passed += 8 * time.Hour
	}
	// Of the last 30 days there are 90.
	if n := len(r.earlier("web1")); n != 90 {
		t.Errorf("%d earlier reports are kept, want 90", n)
	}
	for n := range 130 {
		r.put("web2", report(n))
		r.passed += 30 * time.Minute
	}
	if n := len(r.earlier("web2")); n != 99 {
		t.Errorf("%d earlier reports are kept, want 99", n)
	}
	r.restart()
	r.passed += 31 * 24 * time.Hour
	if err := r.Trim(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"web1", "web2"} {
		if k, err := r.Last(t.Context(), host); err != nil || k.Number != 130 || len(r.earlier(host)) != 0 || !k.Silent {
			t.Errorf("%s: %v, number %d, silent %v, %d earlier", host, err, k.Number, k.Silent, len(r.earlier(host)))
		}
	}
	r.put("web1", report(1000))
	if k, _ := r.Last(t.Context(), "web1"); k.Number != 131 || k.Silent {
		t.Errorf("number %d, silent %v", k.Number, k.Silent)
	}
}

// Hosts that report as much as they can, and nothing that can be compressed, take no more
// than their share.
func TestHostile(t *testing.T) {
	r := newTestArchive(t)
	r.keep.Size = 16 << 20 // 1 MiB for the earlier reports of all
	r.restart()
	random := rand.New(rand.NewPCG(1, 2))
	hosts := []string{"a", "b", "c", "d"}
	for n := range 25 {
		for _, host := range hosts {
			x := catalog.Report{Status: catalog.Failed, Started: time.Unix(int64(n), 0)}
			for i := range 60 {
				text := make([]byte, 300)
				for k := range text {
					text[k] = byte('!' + random.IntN(90))
				}
				x.Results = append(x.Results, catalog.Result{ID: fmt.Sprint(i), Status: catalog.Failed, Message: string(text)})
			}
			r.put(host, x)
		}
	}
	total := 0
	for _, host := range hosts {
		got, err := r.store.Get(t.Context(), "reports/"+host)
		if err != nil {
			t.Fatal(err)
		}
		total += len(got.Value)
		if n := len(r.earlier(host)); n < 5 {
			t.Errorf("%s has %d earlier reports", host, n)
		}
	}
	if total > 1<<20 {
		t.Errorf("earlier reports take %d bytes", total)
	}
}

// A host is silent when nothing came for two of its agent's intervals in which the appliance
// ran, whatever the clocks say. An agent of before tells no interval; a single run leaves it
// as it was.
func TestSilent(t *testing.T) {
	for name, tt := range map[string]struct {
		intervals []float64
		after     time.Duration
		want      bool
	}{
		"told":                   {[]float64{600}, 20*time.Minute + time.Second, true},
		"not yet":                {[]float64{600}, 20 * time.Minute, false},
		"an old agent":           {[]float64{0}, time.Hour + time.Second, true},
		"an old agent, not yet":  {[]float64{0}, time.Hour, false},
		"a single run":           {[]float64{600, 0}, 21 * time.Minute, true},
		"often":                  {[]float64{1}, 2 * time.Minute, false},
		"negative":               {[]float64{-5}, time.Hour, false},
		"a year":                 {[]float64{365 * 24 * 3600}, 61 * 24 * time.Hour, true},
		"another interval since": {[]float64{600, 3600}, time.Hour, false},
	} {
		r := newTestArchive(t)
		for n, interval := range tt.intervals {
			x := report(n)
			x.Interval = interval
			r.put("web1", x)
		}
		r.restart() // a host isn't silent while the appliance is off
		r.passed += tt.after
		k, err := r.Last(t.Context(), "web1")
		if err != nil || k.Silent != tt.want || r.Runs()["web1"].Silent != tt.want {
			t.Errorf("%s: %v, silent: %v", name, err, k.Silent)
		}
	}
}

// When a host last drifted is known, also after runs with nothing to do.
func TestLastDrift(t *testing.T) {
	r := newTestArchive(t)
	x := report(1)
	x.Results[1].Cause = catalog.CauseDrift
	x.SetTotals()
	at := r.put("web1", x).Received
	r.passed += time.Hour
	r.put("web1", report(2))
	r.restart()
	if run := r.Runs()["web1"]; !run.Drifted.Equal(at) || run.HasDrifted() != 0 {
		t.Errorf("%+v", run)
	}
}

// A report of an earlier version, without a time, is read. One that is damaged is replaced by
// the next.
func TestOldAndDamaged(t *testing.T) {
	r := newTestArchive(t)
	old, err := json.Marshal(catalog.Report{Host: "web1", Status: catalog.OK, Results: []catalog.Result{{ID: "a", Status: catalog.OK}}})
	if err != nil {
		t.Fatal(err)
	}
	ops := []store.Op{{Key: "report/web1", Value: old}, {Key: "report/web2", Value: []byte("{")}, {Key: "reports/web2", Value: []byte("\x1f\x8b")}, {Key: "report/web3", Value: nil}}
	if _, err := r.store.Txn(t.Context(), nil, ops...); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if k, err := r.Last(t.Context(), "web1"); err != nil || k.Count().OK != 1 || k.Count().Drifted != nil || k.Silent {
		t.Errorf("%v %+v", err, k)
	}
	if runs := r.Runs(); len(runs) != 1 || runs["web1"].Silent {
		t.Errorf("%+v", runs)
	}
	r.passed += 2 * time.Hour
	if !r.Runs()["web1"].Silent {
		t.Error("it is not judged from the start on")
	}
	for _, host := range []string{"web1", "web2", "web3"} {
		if k := r.put(host, report(1)); k.Number != 1 {
			t.Errorf("%s: number %d", host, k.Number)
		}
	}
}

// Reports of one host that come at once are all kept.
func TestAtOnce(t *testing.T) {
	r := newTestArchive(t)
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			for {
				_, err := r.Put(context.Background(), "web1", report(n), 0)
				if err == nil {
					return
				}
				if !errors.Is(err, store.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if k, err := r.Last(t.Context(), "web1"); err != nil || k.Number != 3 || len(r.earlier("web1")) != 2 {
		t.Errorf("%v, number %d", err, k.Number)
	}
}
