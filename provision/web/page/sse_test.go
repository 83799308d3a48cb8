package page_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/web/page"
)

// follow opens a stream and returns a function that reads its next event.
func follow(t *testing.T, url string, lastEventID string) (next func() (id string, e provision.Event), closeStream func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	stop := func() {
		cancel()
		_ = res.Body.Close()
	}
	t.Cleanup(stop)
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("status %d, type %q", res.StatusCode, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 4<<20)
	return func() (string, provision.Event) {
		t.Helper()
		id := ""
		for lines.Scan() {
			if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = text
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && id != "" { // a beat has no id
				var e provision.Event
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				return id, e
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return "", provision.Event{}
	}, stop
}

// TestResume: a client that goes away and comes back with the id of the last
// event it saw gets every event once, in order, also those of the time between.
func TestResume(t *testing.T) {
	f := newFake()
	server := httptest.NewServer(newPage(t, f))
	t.Cleanup(server.Close) // after the streams are closed, for which it would wait
	emit := func(n int) {
		for range n {
			f.emit(provision.Event{Host: "web1", Message: "line\nbreaks\r\nand data: id: 7\n\n"})
		}
	}
	const rounds, each = 10, 7
	last := "0"
	seen := 0
	for range rounds {
		emit(each) // while nobody follows
		next, hangUp := follow(t, server.URL+"/events", last)
		emit(each) // while somebody does
		for range 2 * each {
			id, e := next()
			seen++
			if id != fmt.Sprint(seen) || e.Seq != uint64(seen) {
				t.Fatalf("event %s with Seq %d, want %d", id, e.Seq, seen)
			}
			last = id
		}
		hangUp()
	}
	if seen != 2*rounds*each {
		t.Errorf("%d events, want %d", seen, 2*rounds*each)
	}
	// A script sets ?after; the header, which is newer, wins.
	if id, _ := first(follow(t, server.URL+"/events?after=100", "")); id != "101" {
		t.Errorf("after 100 came %s", id)
	}
	if id, _ := first(follow(t, server.URL+"/events?after=100", "120")); id != "121" {
		t.Errorf("with Last-Event-ID 120 came %s", id)
	}
	// Neither: from now on.
	next, _ := follow(t, server.URL+"/events", "")
	emit(1)
	if id, _ := next(); id != fmt.Sprint(seen+1) {
		t.Errorf("a stream that begins now began with %s", id)
	}
}

func first(next func() (string, provision.Event), _ func()) (string, provision.Event) { return next() }

func TestBadResume(t *testing.T) {
	h := newPage(t, newFake())
	for _, id := range []string{"x", "-1", "1.5", "99999999999999999999999", "1\n2"} {
		r := httptest.NewRequest(http.MethodGet, "/events", nil)
		r.Header.Set("Last-Event-ID", id)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("Last-Event-ID %q: status %d, want 400", id, w.Code)
		}
	}
}

// TestStreamsAreBounded: one browser too many is told so, and may come when
// another has gone.
func TestStreamsAreBounded(t *testing.T) {
	server := httptest.NewServer(newPage(t, rack(theTime()), func(o *page.Options) {
		o.MaxStreams, o.Known = 2, func(netip.Addr) bool { return true }
	}))
	t.Cleanup(server.Close) // after the streams are closed, for which it would wait
	_, hangUp := follow(t, server.URL+"/events", "")
	follow(t, server.URL+"/events", "")
	status := func() int {
		res, err := http.Get(server.URL + "/events?after=0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		return res.StatusCode
	}
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("the third of two streams: status %d, want 503", got)
	}
	hangUp()
	for status() != http.StatusOK { // the server needs a moment to see it; the test's deadline bounds this
		time.Sleep(10 * time.Millisecond)
	}
}

// TestHeartbeat: a quiet stream outlives the server's write timeout, and shows
// that it is alive with a comment and a beat.
func TestHeartbeat(t *testing.T) {
	f := newFake()
	server := httptest.NewUnstartedServer(newPage(t, f, func(o *page.Options) { o.Heartbeat = 20 * time.Millisecond }))
	server.Config.WriteTimeout = 100 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close) // after the streams are closed, for which it would wait
	res, err := http.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	beats := 0
	for lines := bufio.NewScanner(res.Body); beats < 30 && lines.Scan(); {
		if lines.Text() == "event: beat" {
			beats++
		}
	}
	if beats < 30 {
		t.Errorf("the stream ended after %d beats", beats)
	}
}

// TestShutdown: a stream ends with the server's base context, so that Shutdown
// does not wait for browsers.
func TestShutdown(t *testing.T) {
	server := httptest.NewUnstartedServer(newPage(t, newFake()))
	base, cancel := context.WithCancel(t.Context())
	server.Config.BaseContext = func(net.Listener) context.Context { return base }
	server.Config.RegisterOnShutdown(cancel)
	server.Start()
	res, err := http.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := server.Config.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Errorf("the stream ends with %v, want a clean end", err)
	}
}

// A stuck client accepts nothing: writing to it fails once its time is up.
type stuckClient struct {
	httptest.ResponseRecorder
	mu       sync.Mutex
	deadline time.Time
}

func (c *stuckClient) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

func (c *stuckClient) Write([]byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deadline.IsZero() {
		return 0, fmt.Errorf("written without a deadline")
	}
	time.Sleep(time.Until(c.deadline))
	return 0, fmt.Errorf("i/o timeout")
}

func (c *stuckClient) Flush() {}

// TestSlowClientIsDropped: a client that takes nothing holds its place for no
// longer than the send timeout.
func TestSlowClientIsDropped(t *testing.T) {
	h := newPage(t, rack(theTime()), func(o *page.Options) { o.SendTimeout = 10 * time.Millisecond })
	c := &stuckClient{ResponseRecorder: *httptest.NewRecorder()}
	h.ServeHTTP(c, httptest.NewRequest(http.MethodGet, "/events?after=0", nil)) // returns, or the test's deadline tells
	if c.deadline.IsZero() {
		t.Error("the stream was written without a deadline")
	}
}

func quickBeat(o *page.Options) { o.Heartbeat = 20 * time.Millisecond }

// followKind opens a stream and returns a function that reads the data of its next event of a
// kind.
func followKind(t *testing.T, url, kind string) (next func() string, closeStream func()) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	stop := func() { _ = res.Body.Close() }
	t.Cleanup(stop)
	lines := bufio.NewScanner(res.Body)
	return func() string {
		t.Helper()
		for is := false; lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && is {
				return data
			}
			is = lines.Text() == "event: "+kind
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return ""
	}, stop
}
