package appliance

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/metrics"
)

func TestDiscovery(t *testing.T) {
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{
		"web1": {Name: "web1", Address: netip.MustParseAddr("10.77.0.11"), Roles: []string{"web"}, MACs: []inventory.MAC{{2, 0, 0, 0, 0, 1}}},
	}}
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := discovery(func() *inventory.Snapshot { return snap }, page)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	for path, target := range map[string]string{
		"/discovery/prometheus":           "10.77.0.11:9100",
		"/discovery/prometheus?port=9273": "10.77.0.11:9273",
	} {
		w := get(path)
		var groups []struct {
			Targets []string          `json:"targets"`
			Labels  map[string]string `json:"labels"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &groups); err != nil || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %v: %s", path, err, w.Body)
		}
		if len(groups) != 1 || len(groups[0].Targets) != 1 || groups[0].Targets[0] != target {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	for _, bad := range []string{"0", "65536", "http", "-1"} {
		if w := get("/discovery/prometheus?port=" + bad); w.Code != http.StatusBadRequest {
			t.Errorf("port %s: %d", bad, w.Code)
		}
	}
	if w := get("/"); w.Code != http.StatusTeapot {
		t.Errorf("the page: %d", w.Code)
	}
}

// TestPageServer: the page answers to its own names, and keeps a share for this machine and
// for the operators' networks.
func TestPageServer(t *testing.T) {
	a := &Appliance{cfg: &config.Config{
		Address: netip.MustParseAddr("10.77.0.1"),
		Page: config.Page{
			Listen: "127.0.0.1:0", Names: []string{"rack.example.org"}, Operators: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		},
	}, holder: &inventory.Holder{}}
	for addr, want := range map[string]bool{
		"127.0.0.1": true, "::1": true, "10.77.0.1": true, "192.0.2.9": true, "10.77.0.9": false, "192.0.3.9": false,
	} {
		if got := a.isOperator(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is an operator: %v", addr, got)
		}
	}
	if !a.isOperator(netip.Addr{}) {
		t.Error("over a unix socket there is nobody else")
	}
	a.Log = slog.New(slog.DiscardHandler)
	a.metrics = metrics.New(metrics.Options{Log: a.Log, Figures: func(context.Context) (metrics.Figures, error) { return metrics.Figures{}, nil }})
	scraped := func(h http.Handler) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, metricsPath, nil))
		return w.Code
	}
	for listen, code := range map[string]int{"127.0.0.1:8080": 200, "[::1]:8080": 200, "localhost:8080": 200, "unix:/run/page.sock": 200, "0.0.0.0:8080": 404, "[::]:8080": 404, ":8080": 404, "10.77.0.1:8080": 404, "rack.example.org:8080": 404} {
		a.cfg.Page.Listen = listen
		if got := scraped(a.withMetrics(http.NotFoundHandler())); got != code {
			t.Errorf("metrics on %s: %d, want %d", listen, got, code)
		}
	}
	a.cfg.Page.Listen = "127.0.0.1:0"
	l, h, err := a.pageServer()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for host, code := range map[string]int{"evil.example": http.StatusMisdirectedRequest, "rack.example.org:80": http.StatusBadRequest, "localhost": http.StatusBadRequest} {
		r := httptest.NewRequest(http.MethodGet, "/discovery/prometheus?port=x", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != code {
			t.Errorf("Host %s: %d %s", host, w.Code, w.Body)
		}
	}
}
