// Package report sends the installer's reports and requests: lines on the consoles,
// events for the appliance, secrets removed from both, and small requests that are
// repeated.
package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// An Event is a report of the installer to the appliance: JSON, POSTed to the URL of
// rackhand.report=.
type Event struct {
	Stage   string `json:"stage"` // installer, packages, installed, done, failed, or ""
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Level   string `json:"level"` // "", warn, error
	// Fields are further facts, for programs.
	Fields map[string]string `json:"fields,omitempty"`
}

// How long the appliance may be away before an event is dropped. A restart in the middle
// of an install must leave no gap in the journal. Only progress is stale by then.
const (
	eventPatience    = 10 * time.Minute
	progressPatience = 2 * time.Second
)

// A Reporter posts events in their order. All but the last are queued and posted in
// the background, for the install must not wait for them.
type Reporter struct {
	url    string // "" posts nothing
	client *http.Client
	clk    Clock
	clean  atomic.Pointer[func(string) string] // takes secrets out
	queue  chan Event
	done   sync.WaitGroup
	ending atomic.Pointer[time.Time] // when what is queued is given up, once last is called
	warn   func(format string, args ...any)
}

// NewReporter posts to url once Start is called. clean takes secrets out of messages, warn
// is called with reports that are given up.
func NewReporter(url string, client *http.Client, clk Clock, clean func(string) string, warn func(string, ...any)) *Reporter {
	r := &Reporter{url: url, client: client, clk: clk, warn: warn, queue: make(chan Event, 64)}
	r.SetClean(clean)
	return r
}

// SetClean changes how secrets are taken out, once they are known.
func (r *Reporter) SetClean(clean func(string) string) { r.clean.Store(&clean) }

// Start posts queued events until stop. It isn't bound to the install's context, because
// the failure of the install must be reported, too.
func (r *Reporter) Start(ctx context.Context) {
	r.done.Go(func() {
		for e := range r.queue {
			patience := eventPatience
			if e.Kind == "progress" {
				patience = progressPatience
			}
			if err := r.Post(ctx, e, r.clk.Now().Add(patience)); err != nil {
				r.warn("event %q could not be posted: %v", e.Kind, err)
			}
		}
	})
}

// Send queues an event; when the queue is full, it is dropped.
func (r *Reporter) Send(e Event) {
	select {
	case r.queue <- e:
	default:
		r.warn("event %q was dropped: the appliance is too slow", e.Kind)
	}
}

// Busy reports whether events wait: then progress need not be added.
func (r *Reporter) Busy() bool { return len(r.queue) > 0 }

// Last ends the queue and then posts the event that must get through. It tries
// for as long as patience, which starts again when the queue is empty: an appliance
// that comes back just then must hear it. Nothing may be sent after it.
func (r *Reporter) Last(ctx context.Context, e Event, patience time.Duration) error {
	ending := r.clk.Now().Add(patience)
	r.ending.Store(&ending)
	close(r.queue)
	r.done.Wait()
	r.ending.Store(nil)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return r.Post(ctx, e, r.clk.Now().Add(patience))
}

// Post tries until the appliance has taken the event or refused it, or the deadline
// has come.
func (r *Reporter) Post(ctx context.Context, e Event, deadline time.Time) error {
	if r.url == "" {
		return nil
	}
	e.Message = ClipText((*r.clean.Load())(e.Message), 2000)
	body, err := json.Marshal(e)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if ending := r.ending.Load(); ending != nil && r.clk.Now().After(*ending) {
			return errors.New("the install has ended")
		}
		status, wait, err := r.postOnce(ctx, body)
		switch {
		case err == nil && status < 300:
			return nil
		case err == nil && !Transient(status):
			return fmt.Errorf("the appliance answers %d", status)
		case err == nil:
			err = fmt.Errorf("the appliance answers %d", status)
		}
		if ending := r.ending.Load(); ending != nil && ending.Before(deadline) {
			deadline = *ending
		}
		wait = max(wait, Backoff(n))
		if r.clk.Now().Add(wait).After(deadline) || r.clk.Sleep(ctx, wait) != nil {
			return err
		}
	}
}

func (r *Reporter) postOnce(ctx context.Context, body []byte) (int, time.Duration, error) {
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
	return resp.StatusCode, RetryAfter(resp.Header, r.clk.Now()), nil
}

// ClipText keeps a message to n bytes.
func ClipText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 { // not within a character
		n--
	}
	return s[:n] + "…"
}
