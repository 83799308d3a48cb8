package report

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision/installer/fake"
)

func TestFetch(t *testing.T) {
	for _, c := range []struct {
		name     string
		statuses []int // one after the other; the last one stays
		tries    int
		want     string // of the error; "" for none
		requests int
		slept    []time.Duration
	}{
		{"at once", []int{200}, 3, "", 1, nil},
		{"not ready", []int{503, 429, 408, 200}, 9, "", 4, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}},
		{"never ready", []int{500}, 3, "given up after 3 tries: the server answers 500", 3, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}},
		{"refused", []int{403}, 3, "the server answers 403", 1, nil},
		{"no such", []int{404}, 3, "the server answers 404", 1, nil},
		{"gone", []int{410}, 3, "the server answers 410", 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("X-RHN-Provisioning-MAC-0"); got != "eth0 52:54:00:00:00:01" {
					t.Errorf("its card: %q", got)
				}
				status := c.statuses[min(n, len(c.statuses)-1)]
				n++
				if status != 200 {
					w.Header().Set("Retry-After", "7")
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte("text"))
			}))
			defer srv.Close()
			clk := &fake.Clock{}
			got, err := Fetch(t.Context(), srv.Client(), clk, srv.URL, http.Header{"X-Rhn-Provisioning-Mac-0": {"eth0 52:54:00:00:00:01"}}, 100, c.tries)
			switch {
			case c.want == "" && (err != nil || string(got.Data) != "text"):
				t.Errorf("got %q, %v", got.Data, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
			if n != c.requests || !slices.Equal(clk.Slept, c.slept) {
				t.Errorf("%d requests, slept %v; want %d, %v", n, clk.Slept, c.requests, c.slept)
			}
		})
	}
}

func TestFetchTooLarge(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 101))
	}))
	defer srv.Close()
	if _, err := Fetch(t.Context(), srv.Client(), &fake.Clock{}, srv.URL, nil, 100, 3); err == nil || !strings.Contains(err.Error(), "larger than 100") {
		t.Errorf("got %v", err)
	}
}

func TestFetchNobodyThere(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	clk := &fake.Clock{}
	if _, err := Fetch(t.Context(), http.DefaultClient, clk, srv.URL, nil, 100, 4); err == nil || len(clk.Slept) != 4 {
		t.Errorf("got %v after %v", err, clk.Slept)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "x": 0, "3": 3 * time.Second, "-3": 0, "999": time.Minute, "99999999999999": time.Minute,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second,
		"Fri, 02 Jan 2026 03:00:00 GMT": 0,
		"Sat, 03 Jan 2026 03:04:15 GMT": time.Minute,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: got %v, want %v", v, got, want)
		}
	}
	// By a box's clock that is years behind, every date is far away.
	h := http.Header{"Retry-After": {"Fri, 02 Jan 2026 03:04:15 GMT"}, "Date": {"Fri, 02 Jan 2026 03:04:05 GMT"}}
	if got := RetryAfter(h, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)); got != 10*time.Second {
		t.Errorf("by a clock that is behind: %v", got)
	}
}
