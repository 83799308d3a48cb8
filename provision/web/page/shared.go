package page

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// sharedFor is how long a page serves other requests too, unless there is a newer
	// event.
	sharedFor = time.Second
	// sharedPages bounds the number of kept pages.
	sharedPages = 32
	// makePatience is how long a request waits until its page is made.
	makePatience = 10 * time.Second
)

// A made is a complete answer, which is never changed.
type made struct {
	status int
	header http.Header
	body   []byte
	at     time.Time // when it was kept, monotonic
}

// shared makes pages for all readers. It uses at most half the processors, so that many
// readers can't delay DHCP. A page that thousands request is made once and stored once.
type shared struct {
	now     func() time.Time
	turns   chan struct{}
	flights singleflight.Group
	packer  packer
	mu      sync.Mutex
	kept    map[string]*made
}

func newShared(now func() time.Time) *shared {
	return &shared{now: now, turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), kept: map[string]*made{}}
}

// share serves the page that make makes. It is made once for all requests for the same page
// at the same state of the journal.
func (h *Handler) share(make http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		seq, err := h.newest(r.Context())
		if err != nil {
			h.fail(w, "read the newest event", err)
			return
		}
		packed := takesGzip(r)
		key := fmt.Sprint(seq, " ", packed, " ", r.URL.Path, "?", asked(r.URL.Query()).Encode())
		m, err := h.pages.get(r.Context(), key, func(ctx context.Context) *made {
			// GET also for HEAD: net/http drops the body.
			again := r.Clone(ctx)
			again.Method = http.MethodGet
			m := record(make, again)
			if packed {
				m.pack(&h.pages.packer)
			}
			return m
		})
		if err != nil {
			h.Log.Debug("status page: not made", "path", r.URL.Path, "err", err)
			w.Header().Set("Retry-After", "5")
			http.Error(w, "Too many readers at this moment. Try again.", http.StatusServiceUnavailable)
			return
		}
		w.Header().Add("Vary", "Accept-Encoding")
		for name, values := range m.header {
			w.Header()[name] = values
		}
		w.WriteHeader(m.status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(m.body) // an error means that the client has gone
		}
	}
}

// asked returns the part of a query that identifies a page, without unknown keys.
func asked(q url.Values) url.Values {
	out := filterOf(q).values()
	if q.Has("partial") {
		out["partial"], out["host"] = []string{""}, q["host"]
	}
	return out
}

// get returns a kept page, or has it made. Its error is that of ctx, or says that too many
// pages are being made.
func (s *shared) get(ctx context.Context, key string, work func(context.Context) *made) (*made, error) {
	if m := s.recall(key); m != nil {
		return m, nil
	}
	ctx, cancel := context.WithTimeout(ctx, makePatience)
	defer cancel()
	flight := s.flights.DoChan(key, func() (got any, err error) {
		defer func() { // it would end the appliance, where net/http ends only a request
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		// Other requests wait for it too, so the first one may end.
		all, cancel := context.WithTimeout(context.WithoutCancel(ctx), makePatience)
		defer cancel()
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
		case <-all.Done():
			return nil, all.Err()
		}
		if m := s.recall(key); m != nil { // another flight ended since we looked
			return m, nil
		}
		m := work(all)
		s.keep(key, m)
		return m, nil
	})
	select {
	case got := <-flight:
		if got.Err != nil {
			return nil, got.Err
		}
		return got.Val.(*made), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *shared) recall(key string) *made {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.kept[key]; m != nil && s.now().Sub(m.at) < sharedFor {
		return m
	}
	return nil
}

// keep keeps a page that can be shown again. It drops pages that are too old, and any of them
// when there are too many.
func (s *shared) keep(key string, m *made) {
	if m.status != http.StatusOK {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, old := range s.kept {
		if s.now().Sub(old.at) >= sharedFor || len(s.kept) >= sharedPages {
			delete(s.kept, k)
		}
	}
	m.at = s.now()
	s.kept[key] = m
}

// A recorder stores an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func record(h http.HandlerFunc, req *http.Request) *made {
	r := &recorder{header: http.Header{}}
	h(r, req)
	r.WriteHeader(http.StatusOK)
	return &made{status: r.status, header: r.header, body: r.body.Bytes()}
}
