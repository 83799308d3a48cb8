package hostfacts_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/catalog"
	"rackhand/provision/hostfacts"
	"rackhand/provision/store"
	"rackhand/provision/store/storetest"
)

// A testArchive is an archive over a real store, by a clock that the test moves.
type testArchive struct {
	*testing.T
	*hostfacts.Archive
	store  store.Store
	passed time.Duration
}

func newTestArchive(t *testing.T) *testArchive {
	t.Helper()
	st, err := store.OpenBolt(filepath.Join(storetest.Dir(t), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	a := &testArchive{T: t, store: st}
	a.restart()
	return a
}

func (a *testArchive) restart() {
	a.Helper()
	now := func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(a.passed) }
	a.Archive = hostfacts.New(hostfacts.Options{Store: a.store, Clock: now, Counted: now, Log: slog.New(slog.DiscardHandler)})
	if err := a.Load(a.Context()); err != nil {
		a.Fatal(err)
	}
}

func (a *testArchive) put(host, body string, changed bool, want error) {
	a.Helper()
	if got, err := a.Put(a.Context(), host, []byte(body)); got != changed || !errors.Is(err, want) {
		a.Errorf("%.60s: changed %v, %v; want %v, %v", body, got, err, changed, want)
	}
}

// TestArchive: facts are kept across a restart, are written when they change and once a minute
// at most, and stay as they are when the next ones are refused.
func TestArchive(t *testing.T) {
	a := newTestArchive(t)
	if facts, sum := a.Of("web1"); facts != nil || sum != "" {
		t.Errorf("%v, %q", facts, sum)
	}
	if _, err := a.Get(t.Context(), "web1"); !errors.Is(err, hostfacts.ErrNone) {
		t.Error(err)
	}
	const one, two = `{"os": {"id": "debian"}, "n": 1}`, `{"os": {"id": "rocky"}}`
	a.put("web1", one, true, nil)
	a.put("web1", one, false, nil)
	a.put("web1", two, false, hostfacts.ErrTooOften)
	a.put("web2", two, true, nil)
	a.passed += 2 * time.Minute
	a.put("web1", `[]`, false, hostfacts.ErrInvalid)
	a.restart()
	a.put("web1", one, false, nil)
	facts, sum := a.Of("web1")
	if diff := cmp.Diff(map[string]any{"os": map[string]any{"id": "debian"}, "n": 1}, facts); diff != "" || sum != catalog.FactsSum([]byte(one)) || a.Sum("web1") != sum {
		t.Errorf("%s %s", diff, sum)
	}
	a.put("web1", two, true, nil)
	if facts, _ := a.Of("web1"); facts["os"].(map[string]any)["id"] != "rocky" {
		t.Errorf("%v", facts)
	}
	all, err := a.All(t.Context())
	if err != nil || len(all) != 2 || string(all["web2"]) != `{"os":{"id":"rocky"}}` {
		t.Errorf("%s, %v", all, err)
	}
}

// TestEscapes: facts that HTML would escape, as many as there may be, can be read again.
func TestEscapes(t *testing.T) {
	a := newTestArchive(t)
	a.put("web1", `{"a": "`+strings.Repeat("<&>\u2028", 9000)+`"}`, true, nil)
	a.restart()
	if facts, _ := a.Of("web1"); len(facts) != 1 {
		t.Errorf("%.40v", facts)
	}
}

// TestDeleted: facts that are deleted with a host that left are not taken for kept ones.
func TestDeleted(t *testing.T) {
	a := newTestArchive(t)
	a.put("web1", `{}`, true, nil)
	if _, err := a.store.Txn(t.Context(), nil, store.Op{Key: "facts/web1", Delete: true}); err != nil {
		t.Fatal(err)
	}
	if facts, sum := a.Of("web1"); facts != nil || sum != "" || a.Sum("web1") != "" {
		t.Errorf("%v, %q, %q", facts, sum, a.Sum("web1"))
	}
}

// TestDamaged: a record that can't be read is as none, and the next facts replace it.
func TestDamaged(t *testing.T) {
	a := newTestArchive(t)
	for host, value := range map[string]string{"a": "x", "b": `{"facts": []}`, "c": `{"facts": {}, "sha256": "x"}`} {
		if _, err := a.store.Txn(t.Context(), nil, store.Op{Key: "facts/" + host, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	a.restart()
	for _, host := range []string{"a", "b", "c"} {
		if a.Sum(host) != "" {
			t.Errorf("%s: %q", host, a.Sum(host))
		}
		a.put(host, `{}`, true, nil)
	}
	if all, err := a.All(t.Context()); err != nil || len(all) != 3 {
		t.Errorf("%s, %v", all, err)
	}
}

// TestMany: more hosts than are read at a time.
func TestMany(t *testing.T) {
	a := newTestArchive(t)
	for n := range 70 {
		a.put(fmt.Sprintf("h%d", n), fmt.Sprintf(`{"n": %d}`, n), true, nil)
	}
	a.restart()
	all, err := a.All(t.Context())
	if err != nil || len(all) != 70 || a.Sum("h69") != catalog.FactsSum([]byte(`{"n": 69}`)) {
		t.Errorf("%d, %v", len(all), err)
	}
}
