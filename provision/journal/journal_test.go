package journal_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// A runningJournal is a journal over a real store, which stop ends.
type runningJournal struct {
	*journal.Journal
	stop func()
}

func open(t *testing.T, path string) runningJournal {
	t.Helper()
	st, err := store.OpenBolt(path)
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), st, time.Now, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return runningJournal{j, stop}
}

func request(host string) journal.Request {
	return journal.Request{
		Host: host, System: "debian12", Budget: provision.Budget{Attempts: 2, Time: time.Minute},
		Expires: time.Hour, Source: "operator", Why: "asked for",
	}
}

func TestSurvivesReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	j := open(t, path)
	in, err := j.Arm(request("web1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.BeginAttempt("web1", rand.Reader); err != nil {
		t.Fatal(err)
	}
	if err := j.Record(provision.Event{Host: "web1", Source: "installer", Kind: "x", Stage: provision.Installer, Message: "m"}); err != nil {
		t.Fatal(err)
	}
	j.stop()
	if err := j.Record(provision.Event{}); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("recording after the end: %v", err)
	}

	j = open(t, path)
	got, ok := j.Install("web1")
	if !ok || got.ID != in.ID || got.Stage != provision.Installer || got.Attempts != 1 || !got.TokenSpent {
		t.Errorf("after reopening: %+v", got)
	}
	events, err := j.Events(t.Context(), "web1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 3 || events[0].Kind != "armed" || events[2].Seq != 3 || events[2].Install != in.ID {
		t.Errorf("events: %+v", events)
	}
	if j.Seq() != 3 {
		t.Errorf("seq %d", j.Seq())
	}
}

func TestArmOnce(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	if _, err := j.Arm(request("web1")); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Arm(request("web1")); !errors.Is(err, journal.ErrUnderWay) {
		t.Errorf("armed twice: %v", err)
	}
	if _, _, err := j.BeginAttempt("web1", rand.Reader); err != nil {
		t.Fatal(err)
	}
	if err := j.Record(provision.Event{Host: "web1", Stage: provision.Failed, Kind: "f", Message: "broken"}); err != nil {
		t.Fatal(err)
	}
	first := request("web1")
	first.FirstOnly = true
	if _, err := j.Arm(first); err == nil {
		t.Error("a host that was installed once armed itself again")
	}
	in, err := j.Arm(request("web1"))
	if err != nil || in.ID != "web1-2" {
		t.Errorf("armed again: %v %v", in.ID, err)
	}
}

func TestTokens(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	if _, _, err := j.BeginAttempt("web1", rand.Reader); !errors.Is(err, journal.ErrNoArm) {
		t.Errorf("an attempt without an install: %v", err)
	}
	if _, err := j.Arm(request("web1")); err != nil {
		t.Fatal(err)
	}
	in1, token1, err := j.BeginAttempt("web1", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := j.ByToken(token1); !ok || got.ID != in1.ID {
		t.Error("the token is not known")
	}
	in2, token2, err := j.BeginAttempt("web1", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := j.ByToken(token1); ok {
		t.Error("the token of the attempt before still holds")
	}
	if err := j.Answered(in1, "hash", nil); !errors.Is(err, journal.ErrToken) {
		t.Errorf("an answer for the attempt before: %v", err)
	}
	enrol, hash, err := provision.NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Answered(in2, hash, nil); err != nil {
		t.Fatal(err)
	}
	if err := j.Enrol("web1", enrol, "key"); !errors.Is(err, journal.ErrToken) {
		t.Errorf("enrolled before the system is installed: %v", err)
	}
	for _, s := range []provision.Stage{provision.Installer, provision.Installed} {
		if err := j.Reported(in2, provision.Event{Stage: s, Kind: "r", Source: "installer"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Answered(in2, hash, nil); !errors.Is(err, journal.ErrToken) {
		t.Errorf("an answer after the installer has begun: %v", err)
	}
	if _, _, err := j.BeginAttempt("web1", rand.Reader); !errors.Is(err, journal.ErrNoArm) {
		t.Errorf("a third attempt of two: %v", err)
	}
	if err := j.Enrol("web1", "wrong", "key"); !errors.Is(err, journal.ErrToken) {
		t.Errorf("enrolled with a wrong token: %v", err)
	}
	for range 2 { // the answer may be lost: the same key asks again
		if err := j.Enrol("web1", enrol, "key"); err != nil {
			t.Errorf("enrolling: %v", err)
		}
	}
	if err := j.Enrol("web1", enrol, "another key"); !errors.Is(err, journal.ErrToken) {
		t.Errorf("another key used the token: %v", err)
	}
	events, err := j.Events(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		for _, secret := range []string{token1, token2, enrol} {
			if strings.Contains(e.Message, secret) {
				t.Errorf("a token stands in an event: %s", e.Message)
			}
		}
	}
}

func TestSubscribeMissesNothing(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	const writers, each = 8, 50
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	events, err := j.Subscribe(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := j.Record(provision.Event{Host: "h", Kind: "k", Message: "m"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for want := uint64(1); want <= writers*each; want++ {
		e, ok := <-events
		if !ok || e.Seq != want {
			t.Fatalf("event %d came, want %d (open %v)", e.Seq, want, ok)
		}
	}
	wg.Wait()
}

func TestInstallerIsBounded(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	if _, err := j.Arm(request("web1")); err != nil {
		t.Fatal(err)
	}
	in, _, err := j.BeginAttempt("web1", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Update("web1", in.ID, func(in provision.Install) (provision.Install, provision.Event, error) {
		in.Events = 1 << 20
		return in, provision.Event{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := j.Reported(in, provision.Event{Kind: "chatter"}); !errors.Is(err, journal.ErrTooMany) {
		t.Errorf("chatter: %v", err)
	}
	if err := j.Reported(in, provision.Event{Kind: "end", Stage: provision.Failed, Message: strings.Repeat("x", 1<<20)}); err != nil {
		t.Errorf("the end was not heard: %v", err)
	}
	if got, _ := j.Install("web1"); len(got.Reason) > 4000 {
		t.Errorf("a reason of %d bytes is kept", len(got.Reason))
	}
}

// A burst from many hosts must not make a transaction that the store refuses.
func TestBurst(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			host := "web" + strconv.Itoa(i)
			if _, err := j.Arm(request(host)); err != nil {
				t.Error(err)
			}
			if err := j.Record(provision.Event{Host: host, Kind: "k", Message: strings.Repeat("x", 3000)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if j.Seq() != 600 {
		t.Errorf("%d events", j.Seq())
	}
}

// Until the new system has enrolled, an agent that speaks is the old system's.
func TestOldAgentMovesNothing(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	if _, err := j.Arm(request("web1")); err != nil {
		t.Fatal(err)
	}
	report := provision.Event{Source: "agent", Kind: "converged", Stage: provision.Converged, Message: "all is well"}
	if err := j.Agent("web1", report); err != nil {
		t.Fatal(err)
	}
	if in, _ := j.Install("web1"); in.Stage != provision.Requested {
		t.Errorf("the old agent took the install to %s", in.Stage)
	}
	if err := j.Record(provision.Event{Host: "web1", Kind: "k", Stage: provision.Enrolled}); err != nil {
		t.Fatal(err)
	}
	if err := j.Agent("web1", report); err != nil {
		t.Fatal(err)
	}
	if in, _ := j.Install("web1"); in.Stage != provision.Converged {
		t.Errorf("the new agent left the install at %s", in.Stage)
	}
}

func TestRenamedHostIsTheSameBox(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	first := request("web1")
	first.MACs, first.FirstOnly = []string{"52:54:00:00:00:01"}, true
	if _, err := j.Arm(first); err != nil {
		t.Fatal(err)
	}
	first.Host = "www1"
	if _, err := j.Arm(first); !errors.Is(err, journal.ErrNotFirst) {
		t.Errorf("renamed: %v", err)
	}
	first.MACs = []string{"52:54:00:00:00:02"}
	if _, err := j.Arm(first); err != nil {
		t.Errorf("another box: %v", err)
	}
}

// One host's events must not make another's fail.
func TestGreedyFields(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "db"))
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			fields := map[string]string{}
			for i := range 32 {
				fields[strings.Repeat("<", 100)+strconv.Itoa(i)] = strings.Repeat("<", 16<<10)
			}
			if err := j.Record(provision.Event{Host: "greedy", Kind: "k", Message: strings.Repeat("<", 16<<10), Fields: fields}); err != nil {
				t.Error(err)
			}
			if err := j.Record(provision.Event{Host: "modest", Kind: "k", Message: "m"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestRecordsOfBefore: a host that was armed by the version before Begun and First is never
// armed automatically again, under its name or another.
func TestRecordsOfBefore(t *testing.T) {
	for _, stage := range []string{"serving", "failed", "cancelled", "packages"} {
		path := filepath.Join(t.TempDir(), "db")
		st, err := store.OpenBolt(path)
		if err == nil {
			_, err = st.Txn(t.Context(), nil,
				store.Op{Key: "host/web1", Value: []byte(`{"host":"web1","installs":1,"macs":["52:54:00:00:00:01"]}`)},
				store.Op{Key: "install/web1/000001", Value: []byte(`{"id":"web1-1","host":"web1","armed":false,"macs":["52:54:00:00:00:01"],"stage":"` + stage + `"}`)})
		}
		if err == nil {
			err = st.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // conclusions from them outlive a restart
			j := open(t, path)
			for _, host := range []string{"web1", "www1"} {
				r := request(host)
				r.MACs, r.FirstOnly = []string{"52:54:00:00:00:01"}, true
				if _, err := j.Arm(r); !errors.Is(err, journal.ErrNotFirst) && !errors.Is(err, journal.ErrUnderWay) {
					t.Errorf("%s, as %s: %v", stage, host, err)
				}
			}
			if err := j.Record(provision.Event{Host: "web1", Source: "dhcp", Kind: "ack"}); err != nil {
				t.Fatal(err)
			}
			j.stop()
		}
	}
}
