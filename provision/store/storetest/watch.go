package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/store"
)

// testConcurrentCounters has many goroutines add to few counters by compare and
// swap: an update that is lost shows in the sum.
func testConcurrentCounters(t *testing.T, s store.Store) {
	const workers, each, counters = 16, 25, 3
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				if err := increment(t.Context(), s, fmt.Sprintf("n/%d", (w+i)%counters)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	recs, rev, err := s.List(t.Context(), "n/")
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, r := range recs {
		n, err := strconv.Atoi(string(r.Value))
		if err != nil {
			t.Error(err)
		}
		sum += n
	}
	if sum != workers*each || rev < workers*each {
		t.Errorf("the counters add up to %d at revision %d, want %d", sum, rev, workers*each)
	}
}

func increment(ctx context.Context, s store.Store, key string) error {
	for {
		n := 0
		rec, err := s.Get(ctx, key)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return err
		default:
			if n, err = strconv.Atoi(string(rec.Value)); err != nil {
				return err
			}
		}
		_, err = s.Txn(ctx, []store.Cond{{Key: key, Rev: rec.Rev}}, store.Op{Key: key, Value: []byte(strconv.Itoa(n + 1))})
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// testWatchInOrder wants every change of concurrent writers once, in the order
// of revisions, from a watch that began before them and one that begins after.
func testWatchInOrder(t *testing.T, s store.Store) {
	const workers, each = 8, 40
	early, err := s.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	written := map[string]uint64{}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				key := fmt.Sprintf("k/%d/%d", w, i)
				rev, err := s.Txn(t.Context(), nil, store.Op{Key: key + "/x", Value: []byte(key)}, store.Op{Key: key + "/y", Value: []byte(key)})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				written[key+"/x"], written[key+"/y"] = rev, rev
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	late, err := s.Watch(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, ch := range map[string]<-chan store.Change{"early": early, "late": late} {
		seen := map[string]uint64{}
		var last uint64
		for range 2 * workers * each {
			c := next(t, ch)
			if c.Rev < last {
				t.Errorf("%s watch: revision %d after %d", name, c.Rev, last)
			}
			last = c.Rev
			if _, twice := seen[c.Key]; twice {
				t.Errorf("%s watch: %s twice", name, c.Key)
			}
			seen[c.Key] = c.Rev
		}
		if diff := cmp.Diff(written, seen); diff != "" {
			t.Errorf("%s watch (-written +seen):\n%s", name, diff)
		}
	}
}

func testWatchPrefix(t *testing.T, s store.Store) {
	first := put(t, s, "a/1", "before")
	ch, err := s.Watch(t.Context(), "a/", first)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "b/1", "other")
	second := txn(t, s, nil, store.Op{Key: "a/2", Value: []byte("two")}, store.Op{Key: "a0", Value: []byte("beside")})
	txn(t, s, nil, store.Op{Key: "a/missing", Delete: true}) // changes nothing, notifies no watcher
	third := txn(t, s, nil, store.Op{Key: "a/1", Delete: true})
	want := []store.Change{
		{Record: store.Record{Key: "a/2", Value: []byte("two"), Rev: second}},
		{Record: store.Record{Key: "a/1", Rev: third}, Deleted: true},
	}
	got := []store.Change{next(t, ch), next(t, ch)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes under a/ (-want +got):\n%s", diff)
	}
}

// testListWatchNoGap lists and watches again and again while others write, and
// wants list plus changes to be the same as the store at the end.
func testListWatchNoGap(t *testing.T, s store.Store) {
	const workers, each, keysOf, watchers = 4, 60, 12, 10
	const end = "k/end"
	var writing, watching sync.WaitGroup
	models := make([]map[string]string, watchers)
	for i := range watchers {
		watching.Go(func() {
			// Begin at different moments of the writing.
			for n := range i * 5 {
				if _, err := s.Txn(t.Context(), nil, store.Op{Key: "pace/" + strconv.Itoa(i), Value: []byte(strconv.Itoa(n))}); err != nil {
					t.Error(err)
					return
				}
			}
			model, err := follow(t.Context(), s, "k/", end)
			if err != nil {
				t.Errorf("watcher %d: %v", i, err)
			}
			models[i] = model
		})
	}
	for w := range workers {
		writing.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range each {
				op := store.Op{Key: fmt.Sprintf("k/%d", random.IntN(keysOf)), Value: fmt.Appendf(nil, "%d/%d", w, i), Delete: random.IntN(4) == 0}
				if _, err := s.Txn(t.Context(), nil, op); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
	put(t, s, end, "")
	watching.Wait()
	recs, _, err := s.List(t.Context(), "k/")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, r := range recs {
		want[r.Key] = string(r.Value)
	}
	for i, model := range models {
		if diff := cmp.Diff(want, model); diff != "" {
			t.Errorf("watcher %d sees another state than the store (-store +watcher):\n%s", i, diff)
		}
	}
}

// follow keeps a model of prefix from a list and a watch until the key end is there.
func follow(ctx context.Context, s store.Store, prefix, end string) (map[string]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	recs, rev, err := s.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	model := map[string]string{}
	for _, r := range recs {
		model[r.Key] = string(r.Value)
	}
	if _, done := model[end]; done {
		return model, nil
	}
	ch, err := s.Watch(ctx, prefix, rev)
	if err != nil {
		return nil, err
	}
	for c := range ch {
		if c.Rev <= rev {
			return nil, fmt.Errorf("change %s at %d, although all up to %d was listed", c.Key, c.Rev, rev)
		}
		if c.Deleted {
			delete(model, c.Key)
			continue
		}
		model[c.Key] = string(c.Value)
		if c.Key == end {
			return model, nil
		}
	}
	return nil, errors.New("the watch was closed")
}

func testWatchEnds(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	ch, err := s.Watch(ctx, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "a", "1")
	next(t, ch)
	cancel()
	for range ch { // ends when the channel is closed
	}
	put(t, s, "a", "2") // a closed watcher delays no writer
}
