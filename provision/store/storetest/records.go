package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/store"
)

func testGetPut(t *testing.T, s store.Store) {
	ctx := t.Context()
	if _, err := s.Get(ctx, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of a missing key: %v, want ErrNotFound", err)
	}
	var last uint64
	for _, value := range []string{"one", "two", "", "\x00\xff binary"} {
		rev := put(t, s, "a", value)
		if rev <= last {
			t.Errorf("revision %d after %d does not grow", rev, last)
		}
		last = rev
		got, err := s.Get(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		if want := (store.Record{Key: "a", Value: []byte(value), Rev: rev}); !cmp.Equal(want, got) {
			t.Errorf("Get: %+v, want %+v", got, want)
		}
	}
	put(t, s, "b", "other")
	if got, _ := s.Get(ctx, "a"); got.Rev != last {
		t.Errorf("writing b moved a's revision from %d to %d", last, got.Rev)
	}
	txn(t, s, nil, store.Op{Key: "a", Delete: true})
	if _, err := s.Get(ctx, "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of a deleted key: %v, want ErrNotFound", err)
	}
	txn(t, s, nil, store.Op{Key: "a", Delete: true}) // deleting what is not there is no error
}

func testCopies(t *testing.T, s store.Store) {
	value := []byte("mine")
	txn(t, s, nil, store.Op{Key: "a", Value: value})
	value[0] = 'X'
	got, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	got.Value[1] = 'X'
	if again, _ := s.Get(t.Context(), "a"); string(again.Value) != "mine" {
		t.Errorf("value is %q: the store shares memory with its callers", again.Value)
	}
}

func testCompareAndSwap(t *testing.T, s store.Store) {
	ctx := t.Context()
	conflict := func(what string, conds []store.Cond) {
		t.Helper()
		if _, err := s.Txn(ctx, conds, store.Op{Key: "a", Value: []byte("no")}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", what, err)
		}
	}
	conflict("expecting a missing key at 7", []store.Cond{{Key: "a", Rev: 7}})
	created := txn(t, s, []store.Cond{{Key: "a"}}, store.Op{Key: "a", Value: []byte("1")})
	conflict("creating what exists", []store.Cond{{Key: "a"}})
	changed := txn(t, s, []store.Cond{{Key: "a", Rev: created}}, store.Op{Key: "a", Value: []byte("2")})
	conflict("changing what changed", []store.Cond{{Key: "a", Rev: created}})
	conflict("one condition of two", []store.Cond{{Key: "a", Rev: changed}, {Key: "b", Rev: changed}})
	txn(t, s, []store.Cond{{Key: "a", Rev: changed}}, store.Op{Key: "a", Delete: true})
	conflict("changing what was deleted", []store.Cond{{Key: "a", Rev: changed}})
	again := txn(t, s, []store.Cond{{Key: "a"}}, store.Op{Key: "a", Value: []byte("3")})
	if again <= changed {
		t.Errorf("a key made again has revision %d, not above %d", again, changed)
	}
	// Conditions alone are a question.
	rev, err := s.Txn(ctx, []store.Cond{{Key: "a", Rev: again}})
	if err != nil || rev < again {
		t.Errorf("a transaction of a condition that holds: %d, %v", rev, err)
	}
	if _, err := s.Txn(ctx, []store.Cond{{Key: "a", Rev: created}}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a transaction of a condition that fails: %v, want ErrConflict", err)
	}
}

func testAllOrNothing(t *testing.T, s store.Store) {
	ctx := t.Context()
	put(t, s, "c", "old")
	ops := []store.Op{
		{Key: "a", Value: []byte("new")},
		{Key: "b", Value: []byte("new")},
		{Key: "c", Delete: true},
	}
	_, before, _ := s.List(ctx, "")
	if _, err := s.Txn(ctx, []store.Cond{{Key: "c", Rev: 99999}}, ops...); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("Txn: %v, want ErrConflict", err)
	}
	recs, after, _ := s.List(ctx, "")
	if diff := cmp.Diff([]string{"c"}, keys(recs)); diff != "" || before != after {
		t.Errorf("a conflict left something behind: revision %d then %d, keys (-want +got):\n%s", before, after, diff)
	}
	rev := txn(t, s, nil, ops...)
	recs, listed, _ := s.List(ctx, "")
	want := []store.Record{{Key: "a", Value: []byte("new"), Rev: rev}, {Key: "b", Value: []byte("new"), Rev: rev}}
	if diff := cmp.Diff(want, recs); diff != "" || listed != rev {
		t.Errorf("revision %d, want %d; records (-want +got):\n%s", listed, rev, diff)
	}
}

func testList(t *testing.T, s store.Store) {
	for _, key := range []string{"b/2", "a", "b/10", "b", "b/", "b0", "b/\xff", "b/\xff\xff", "c"} {
		put(t, s, key, key)
	}
	for prefix, want := range map[string][]string{
		"":          {"a", "b", "b/", "b/10", "b/2", "b/\xff", "b/\xff\xff", "b0", "c"},
		"b/":        {"b/", "b/10", "b/2", "b/\xff", "b/\xff\xff"},
		"b/\xff":    {"b/\xff", "b/\xff\xff"},
		"b/10":      {"b/10"},
		"c":         {"c"},
		"d":         {},
		"b/2/below": {},
	} {
		recs, rev, err := s.List(t.Context(), prefix)
		if err != nil {
			t.Errorf("List(%q): %v", prefix, err)
		}
		if diff := cmp.Diff(want, keys(recs)); diff != "" {
			t.Errorf("List(%q) (-want +got):\n%s", prefix, diff)
		}
		if rev < 9 {
			t.Errorf("List(%q) at revision %d after 9 transactions", prefix, rev)
		}
	}
}

func testRange(t *testing.T, s store.Store) {
	for i := range 10 {
		put(t, s, fmt.Sprintf("k%d", i), "")
	}
	tests := []struct {
		from, to string
		limit    int
		reverse  bool
		want     string
	}{
		{"k2", "k5", 0, false, "k2 k3 k4"},
		{"k2", "k5", 0, true, "k4 k3 k2"},
		{"k2", "k5", 2, false, "k2 k3"},
		{"k2", "k5", 2, true, "k4 k3"},
		{"k2", "k5", 9, true, "k4 k3 k2"},
		{"", "k2", 0, false, "k0 k1"},
		{"", "k2", 0, true, "k1 k0"},
		{"", "k0", 0, true, ""},
		{"k8", "", 0, false, "k8 k9"},
		{"k8", "", 0, true, "k9 k8"},
		{"", "", 1, true, "k9"},
		{"k8", "z", 0, true, "k9 k8"},
		{"k25", "k55", 0, false, "k3 k4 k5"},
		{"k25", "k55", 0, true, "k5 k4 k3"},
		{"k5", "k2", 0, false, ""},
		{"k5", "k2", 0, true, ""},
		{"k5", "k5", 0, true, ""},
		{"z", "", 0, false, ""},
		{"z", "", 0, true, ""},
	}
	for _, tt := range tests {
		recs, err := s.Range(t.Context(), tt.from, tt.to, tt.limit, tt.reverse)
		if err != nil {
			t.Errorf("Range(%q, %q, %d, %v): %v", tt.from, tt.to, tt.limit, tt.reverse, err)
		}
		if got := strings.Join(keys(recs), " "); got != tt.want {
			t.Errorf("Range(%q, %q, %d, %v) = %q, want %q", tt.from, tt.to, tt.limit, tt.reverse, got, tt.want)
		}
	}
	if _, err := s.Range(t.Context(), "", "", -1, false); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("Range with limit -1: %v, want ErrInvalid", err)
	}
}

func testLimits(t *testing.T, s store.Store) {
	long, big := strings.Repeat("k", store.MaxKey), make([]byte, store.MaxValue)
	var many []store.Op
	for i := range store.MaxOps + 1 {
		many = append(many, store.Op{Key: fmt.Sprint(i)})
	}
	bad := map[string]struct {
		conds []store.Cond
		ops   []store.Op
	}{
		"empty key":           {nil, []store.Op{{Key: ""}}},
		"empty key to delete": {nil, []store.Op{{Key: "", Delete: true}}},
		"empty key to expect": {[]store.Cond{{Key: ""}}, nil},
		"long key":            {nil, []store.Op{{Key: long + "k"}}},
		"big value":           {nil, []store.Op{{Key: "a", Value: append(big, 0)}}},
		"a key twice":         {nil, []store.Op{{Key: "a"}, {Key: "a", Delete: true}}},
		"many operations":     {nil, many},
		"many bytes":          {nil, []store.Op{{Key: "a", Value: big}, {Key: "b", Value: big}}},
	}
	for name, tt := range bad {
		if _, err := s.Txn(t.Context(), tt.conds, tt.ops...); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if recs, _, err := s.List(t.Context(), ""); err != nil || len(recs) > 0 {
		t.Errorf("what was refused left %d records, %v", len(recs), err)
	}
	txn(t, s, nil, store.Op{Key: long, Value: big})
	txn(t, s, nil, many[1:]...)
	if got, err := s.Get(t.Context(), long); err != nil || len(got.Value) != store.MaxValue {
		t.Errorf("the largest record: %d bytes, %v", len(got.Value), err)
	}
}
