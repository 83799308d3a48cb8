package installer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// An Event is what the installer tells the appliance: JSON, POSTed to the URL of
// rackhand.report=.
type Event struct {
	Stage   string `json:"stage"` // installer, packages, installed, done, failed, or ""
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Level   string `json:"level"` // "", warn, error
	// Fields are further facts, for programs.
	Fields map[string]string `json:"fields,omitempty"`
}

// A reporter posts events in their order. Those that don't matter one by one are
// queued and posted in the background: three tries each, then it goes on, for the
// install must not depend on them.
type reporter struct {
	url    string // "" posts nothing
	client *http.Client
	clk    clock
	clean  atomic.Pointer[func(string) string] // takes secrets out
	queue  chan Event
	done   sync.WaitGroup
	warn   func(format string, args ...any)
}

func newReporter(url string, client *http.Client, clk clock, clean func(string) string, warn func(string, ...any)) *reporter {
	r := &reporter{url: url, client: client, clk: clk, warn: warn, queue: make(chan Event, 64)}
	r.setClean(clean)
	return r
}

// setClean changes how secrets are taken out, once they are known.
func (r *reporter) setClean(clean func(string) string) { r.clean.Store(&clean) }

// start posts queued events until stop. It isn't bound to the install's context:
// a failure must be told as well.
func (r *reporter) start(ctx context.Context) {
	r.done.Go(func() {
		for e := range r.queue {
			if err := r.post(ctx, e, 3, 30*time.Second); err != nil {
				r.warn("event %q could not be posted: %v", e.Kind, err)
			}
		}
	})
}

// send queues an event; when the queue is full, it is dropped.
func (r *reporter) send(e Event) {
	select {
	case r.queue <- e:
	default:
		r.warn("event %q was dropped: the appliance is too slow", e.Kind)
	}
}

// busy reports whether events wait: then progress need not be added.
func (r *reporter) busy() bool { return len(r.queue) > 0 }

// last ends the queue and then posts the event that must get through. It tries
// for as long as patience, which begins when the queue is through: an appliance that
// comes back just then must hear it. Nothing may be sent after it.
func (r *reporter) last(ctx context.Context, e Event, patience time.Duration) error {
	close(r.queue)
	r.done.Wait()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return r.post(ctx, e, 1<<20, patience)
}

func (r *reporter) post(ctx context.Context, e Event, tries int, patience time.Duration) error {
	if r.url == "" {
		return nil
	}
	e.Message = clipText((*r.clean.Load())(e.Message), 2000)
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	deadline := r.clk.Now().Add(patience)
	var last error
	for n := range tries {
		status, wait, err := r.postOnce(ctx, body)
		switch {
		case err == nil && status < 300:
			return nil
		case err == nil && !transient(status):
			return fmt.Errorf("the appliance answers %d", status)
		case err == nil:
			last = fmt.Errorf("the appliance answers %d", status)
		default:
			last = err
		}
		wait = max(wait, backoff(n))
		if r.clk.Now().Add(wait).After(deadline) {
			break
		}
		if err := r.clk.Sleep(ctx, wait); err != nil {
			break
		}
	}
	return last
}

func (r *reporter) postOnce(ctx context.Context, body []byte) (int, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 4096) // so that the connection can be used again
	return resp.StatusCode, retryAfter(resp.Header, r.clk.Now()), nil
}

// clipText keeps a message to n bytes.
func clipText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 { // not within a character
		n--
	}
	return s[:n] + "…"
}
