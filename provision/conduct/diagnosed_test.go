package conduct

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/catalogs"
	"rackhand/provision/journal"
	"rackhand/provision/journal/journaltest"
	"rackhand/provision/why"
)

// TestDiagnosedChecks: a check of a real server fails in each way, and the journal tells the
// diagnosis which.
func TestDiagnosedChecks(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	port := func(addr net.Addr) int { return int(netip.MustParseAddrPort(addr.String()).Port()) }
	open := port(server.Listener.Addr())
	for _, tt := range []struct {
		name string
		port int
		path string
		text string // of the body
		want string
	}{
		{"refused", port(closed.Addr()), "/", "", "Refused: nothing listens"},
		{"timeout", open, "/slow", "", "Timeout: "},
		{"status", open, "/broken", "", "Status: "},
		{"body", open, "/", "goodbye", "Body: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in, events := converged(t, catalog.Check{
				From: catalog.FromAppliance, Deadline: 1, Within: 1, Source: "roles/web.yaml:3:5",
				HTTP: &catalog.HTTPCheck{Address: "127.0.0.1", Port: tt.port, Path: tt.path, Method: "GET", Status: []int{200}, Content: catalog.Content{Contains: tt.text}},
			})
			got := why.Diagnose(why.Case{Install: in, Events: events}, in.Heard.Add(time.Minute))
			if got == nil || got.Rule != "check-failing" || !strings.HasPrefix(got.Cause(), tt.want) || !strings.Contains(got.Cause(), tt.path) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// converged tries a check of a converged host until an event says that it fails, and returns
// what is on record then.
func converged(t *testing.T, check catalog.Check) (provision.Install, []provision.Event) {
	t.Helper()
	var elapsed atomic.Int64 // each look at the clock takes a second
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, j := journaltest.Run(t, t.TempDir(), func() time.Time { return began.Add(time.Duration(elapsed.Load())) }, func() time.Duration { return time.Duration(elapsed.Add(int64(time.Second))) }, slog.New(slog.DiscardHandler))
	if _, err := j.Arm(journal.Request{Host: "web1", System: "debian12", Budget: provision.Budget{Attempts: 1}, Expires: time.Hour, Source: "operator"}); err != nil {
		t.Fatal(err)
	}
	for _, stage := range []provision.Stage{provision.Installed, provision.Enrolled, provision.Converged} {
		if err := j.Record(provision.Event{Host: "web1", Source: "agent", Kind: string(stage), Stage: stage}); err != nil {
			t.Fatal(err)
		}
	}
	h := &inventory.Host{Name: "web1"}
	c := New(Options{
		Journal: j, Log: slog.New(slog.DiscardHandler), Clock: func() time.Time { return began },
		Snapshot: func() *inventory.Snapshot {
			return &inventory.Snapshot{Hosts: map[string]*inventory.Host{"web1": h}}
		},
		Catalog: func(*inventory.Host) (*catalogs.Made, error) {
			return &catalogs.Made{Compiled: &role.Compiled{Checks: []catalog.Check{check}}}, nil
		},
	})
	in, _ := j.Install("web1")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- c.act(ctx, in, provision.DoCheck) }()
	told, err := j.Subscribe(ctx, j.Seq())
	if err != nil {
		t.Fatal(err)
	}
	for e := range told {
		if e.Kind == "check-failed" {
			break
		}
	}
	stop()
	<-done
	in, _ = j.Install("web1")
	events, err := j.Events(t.Context(), "web1", 0)
	if err != nil {
		t.Fatal(err)
	}
	return in, events
}
