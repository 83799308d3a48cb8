package intake

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func TestRates(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := NewRates(func() time.Time { return now }, 60)
	for i := range 60 {
		if wait, ok := r.Take("web1"); !ok || wait != 0 {
			t.Fatalf("report %d: %s, %v", i+1, wait, ok)
		}
	}
	if wait, ok := r.Take("web1"); ok || wait != time.Minute {
		t.Errorf("one more: %s, %v", wait, ok)
	}
	if wait, ok := r.Look("web1"); ok || wait != time.Minute {
		t.Errorf("a look: %s, %v", wait, ok)
	}
	for range 100 {
		if _, ok := r.Look("web3"); !ok {
			t.Fatal("looking takes")
		}
	}
	if _, ok := r.Take("web2"); !ok {
		t.Error("web2 pays for web1")
	}
	now = now.Add(30 * time.Second)
	if wait, ok := r.Take("web1"); ok || wait != 30*time.Second {
		t.Errorf("half a minute later: %s, %v", wait, ok)
	}
	now = now.Add(30 * time.Second)
	if _, ok := r.Take("web1"); !ok {
		t.Error("nothing a minute later")
	}
	now = now.Add(24 * time.Hour)
	n := 0
	for ; n < 1000; n++ {
		if _, ok := r.Take("web1"); !ok {
			break
		}
	}
	if n != 60 {
		t.Errorf("%d at once after a day", n)
	}
}

func noDeadline(time.Time) error { return nil }

func TestBodies(t *testing.T) {
	const limit = 1 << 20
	b := NewBodies()
	for _, tt := range []struct {
		size int
		want error
	}{{0, nil}, {1, nil}, {small, nil}, {small + 1, nil}, {limit, nil}, {limit + 1, ErrTooLarge}, {4 * limit, ErrTooLarge}} {
		// iotest: an end that comes with the last bytes, and after them.
		for _, r := range []io.Reader{strings.NewReader(strings.Repeat("x", tt.size)), iotest.DataErrReader(strings.NewReader(strings.Repeat("x", tt.size)))} {
			got, release, err := b.Read(t.Context(), "web1", limit, r, noDeadline)
			if !errors.Is(err, tt.want) || err == nil && !bytes.Equal(got, bytes.Repeat([]byte("x"), tt.size)) {
				t.Errorf("%d bytes: %d, %v", tt.size, len(got), err)
			}
			release()
			release()
		}
	}
	if len(b.busy) > 0 || !b.large.TryAcquire(largeAtOnce) || !b.small.TryAcquire(smallAtOnce) {
		t.Errorf("not all was given back: %v", b.busy)
	}
	tiny := NewBodies()
	if _, release, err := tiny.Read(t.Context(), "web1", 100, strings.NewReader(strings.Repeat("x", 101)), noDeadline); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	} else {
		release()
	}
}

// A host has one large body in memory, and all hosts a few, however many they send. Small
// ones don't wait for them.
func TestLargeBodiesAtOnce(t *testing.T) {
	b := NewBodies()
	big := func() io.Reader { return strings.NewReader(strings.Repeat("x", 1<<20)) }
	_, first, err := b.Read(t.Context(), "web1", 1<<20, big(), noDeadline)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Read(t.Context(), "web1", 1<<20, big(), noDeadline); !errors.Is(err, ErrBusy) {
		t.Errorf("a second one of the same host: %v", err)
	}
	if _, release, err := b.Read(t.Context(), "web1", 1<<20, strings.NewReader("x"), noDeadline); err != nil {
		t.Errorf("a small one beside it: %v", err)
	} else {
		release()
	}
	first()
	var mu sync.Mutex
	var wg sync.WaitGroup
	now, most := 0, 0
	for i := range 20 {
		wg.Go(func() {
			_, release, err := b.Read(t.Context(), string(rune('a'+i)), 1<<20, big(), noDeadline)
			if err != nil {
				t.Errorf("host %d: %v", i, err)
				return
			}
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			mu.Lock()
			now--
			mu.Unlock()
			release()
		})
	}
	wg.Wait()
	if most > largeAtOnce {
		t.Errorf("%d at once", most)
	}
}
