package metrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/metrics"
	"rackhand/provision/trace"
)

var update = flag.Bool("update", false, "write the golden files")

// now is the time of these tests.
var now = time.Date(2026, 12, 1, 14, 0, 0, 0, time.UTC)

// status is a rack with one host of each kind.
func status() provision.Status {
	at := func(stage provision.Stage) *provision.Install { return &provision.Install{ID: "x-1", Stage: stage} }
	return provision.Status{
		Hosts: []provision.HostStatus{
			{Host: "web1", Install: at(provision.Serving), BMC: "10.77.0.111", Power: "on", BMCState: &provision.BMCState{Answered: now}, Run: &provision.LastRun{Status: catalog.OK}, Certificate: &provision.CertificateStatus{Expires: now.Add(20 * 24 * time.Hour)}},
			{Host: "web2", Install: at(provision.Serving), BMC: "10.77.0.112", BMCState: &provision.BMCState{SilentSince: now.Add(-time.Hour)}, Run: &provision.LastRun{Status: catalog.Failed}, Certificate: &provision.CertificateStatus{Expires: now.Add(10 * 24 * time.Hour)}},
			{Host: "web3", Install: at(provision.Kernel), BMC: "10.77.0.113", Power: "off", Stuck: &provision.Stuck{Rule: "kernel-silent"}, Certificate: &provision.CertificateStatus{Expires: now.Add(time.Hour), Revoked: "reinstalled"}},
			{Host: "web4", Agent: &provision.AgentState{Silent: true}, Install: at(provision.Serving)},
			{Host: "web5", Agent: &provision.AgentState{TooOld: "v1"}, Install: at(provision.Serving)},
			{Host: "web6", Run: &provision.LastRun{Disabled: true}, Install: at(provision.Serving)},
			{Host: "52:54:00:00:00:09", Unclaimed: true},
		},
		Problems: []string{"one"}, CAExpires: now.Add(1000 * 24 * time.Hour),
		Database: provision.DatabaseStats{Bytes: 1 << 20, Free: 1 << 10, Events: 77},
	}
}

func figures(context.Context) (metrics.Figures, error) {
	f := metrics.FiguresOf(status(), now)
	f.Networks = []metrics.NetworkFigures{{Name: "rack1", Size: 41, Used: 3}}
	f.Mirror = &metrics.MirrorFigures{Fetches: 10, Failures: 1, Fetched: 4096}
	f.Database.Writes, f.Database.Writing = 500, 1500*time.Millisecond
	return f, nil
}

// packet is a DHCP packet of a type, with an option before it.
func packet(kind ...byte) []byte {
	p := append(make([]byte, 240), 0, 61, 2, 1, 2)
	if len(kind) > 0 {
		p = append(p, 53, 1, kind[0])
	}
	return append(p, 255)
}

func busy(t *testing.T) *metrics.Metrics {
	t.Helper()
	m := metrics.New(metrics.Options{Figures: figures, Version: "0.9.0", Log: slog.New(slog.DiscardHandler)})
	for _, f := range []trace.Fact{
		trace.DHCP{Packet: packet(byte(dhcpv4.MessageTypeDiscover)), Verdict: "offered"},
		trace.DHCP{Packet: packet(byte(dhcpv4.MessageTypeOffer)), Sent: true},
		trace.DHCP{Packet: packet(byte(dhcpv4.MessageTypeAck)), Sent: true, Err: errors.New("no route")},
		trace.DHCP{Packet: packet(200), Verdict: trace.Dropped},
		trace.DHCP{Packet: packet()},
		trace.DHCP{Packet: []byte{53}},
		trace.DHCP{Packet: append(packet()[:244], 61, 200)}, // an option that is cut off
		trace.TFTP{Result: trace.TFTPBegan, Size: 100},
		trace.TFTP{Result: trace.TFTPSent, Bytes: 100},
		trace.HTTP{Path: "/boot/ipxe", Status: 200, Bytes: 700},
		trace.HTTP{Path: "/wp-login.php", Status: 404},
		trace.HTTP{Path: "/v1/catalog", Agent: true, Status: 200, Bytes: 70},
		trace.HTTP{Path: "", Status: 9999, Bytes: -1},
		trace.HTTP{Path: "/mirror/debian/x.deb", Status: 200, Bytes: 5000},
	} {
		m.Observe(f)
	}
	for _, e := range []struct {
		install string
		stage   provision.Stage
		after   time.Duration
	}{
		{"web1-1", provision.Requested, 0},
		{"web1-1", provision.Addressed, 30 * time.Second},
		{"web1-1", provision.Requested, 35 * time.Second}, // moves nothing
		{"web1-1", provision.Kernel, 40 * time.Second},
		{"web2-1", provision.Serving, 50 * time.Second}, // its beginning wasn't seen
		{"web1-1", provision.Serving, 100 * time.Second},
	} {
		m.Event(provision.Event{Host: "web1", Install: e.install, Stage: e.stage, Source: "dhcp", Counted: now.Add(e.after)})
	}
	m.Event(provision.Event{Source: "operator", Level: provision.LevelWarn})
	return m
}

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// TestScrape: what Prometheus gets, but for Go's own metrics and the process's.
func TestScrape(t *testing.T) {
	var got strings.Builder
	for line := range strings.Lines(scrape(t, busy(t))) {
		if strings.Contains(line, "rackhand_") {
			got.WriteString(line)
		}
	}
	golden := filepath.Join("testdata", "scrape.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("with -update if it is meant:\n%s", d)
	}
}

// TestUnable: an appliance that can't say how it stands says so, and still counts.
func TestUnable(t *testing.T) {
	m := metrics.New(metrics.Options{Version: "0.9.0", Log: slog.New(slog.DiscardHandler), Figures: func(context.Context) (metrics.Figures, error) {
		return metrics.Figures{}, errors.New("the database hangs")
	}})
	m.Observe(trace.TFTP{Result: trace.TFTPBegan})
	if got := scrape(t, m); !strings.Contains(got, "rackhand_up 0\n") || !strings.Contains(got, `rackhand_tftp_requests_total{result="begun"} 1`) || strings.Contains(got, "rackhand_hosts") {
		t.Errorf("%s", got)
	}
}

// TestUnderWay: an install that is under way at the start has been at its stage since before.
func TestUnderWay(t *testing.T) {
	m := metrics.New(metrics.Options{Figures: figures, Version: "0.9.0", Log: slog.New(slog.DiscardHandler)})
	m.Begin(map[string]provision.Install{
		"web1": {ID: "web1-1", Stage: provision.Kernel, Reached: map[provision.Stage]time.Time{provision.Kernel: now.Add(-90 * time.Second)}},
		"web2": {ID: "web2-1", Stage: provision.Serving, Reached: map[provision.Stage]time.Time{provision.Serving: now}},
		"web3": {ID: "web3-1", Stage: provision.Kernel}, // of an earlier version
	})
	for _, e := range []provision.Event{
		{Install: "web1-1", Stage: provision.Kernel, Counted: now.Add(-time.Second)}, // it fetches the kernel once more
		{Install: "web1-1", Stage: provision.Installer, Counted: now},
	} {
		m.Event(e)
	}
	if got := scrape(t, m); !strings.Contains(got, `rackhand_install_stage_seconds_sum{stage="kernel"} 90`) {
		t.Errorf("%s", got)
	}
}

// TestFollow: events come from a channel until it is closed.
func TestFollow(t *testing.T) {
	m := metrics.New(metrics.Options{Figures: figures, Version: "0.9.0", Log: slog.New(slog.DiscardHandler)})
	events := make(chan provision.Event, 2)
	events <- provision.Event{Source: "dhcp"}
	events <- provision.Event{Source: "dhcp"}
	close(events)
	if err := m.Follow(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if got := scrape(t, m); !strings.Contains(got, `rackhand_events_total{level="info",source="dhcp"} 2`) {
		t.Errorf("%s", got)
	}
}

// TestShipped: each metric that the alerts and the dashboard name exists, with the labels
// that they use.
func TestShipped(t *testing.T) {
	labels := map[string]map[string]bool{} // of each metric
	sample := regexp.MustCompile(`^(rackhand_[a-z_]+)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`([a-z_]+)=~?"`)
	for line := range strings.Lines(scrape(t, busy(t))) {
		m := sample.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if labels[m[1]] == nil {
			labels[m[1]] = map[string]bool{"instance": true, "job": true} // Prometheus adds them
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			labels[m[1]][l[1]] = true
		}
	}
	var expressions []string
	rules, err := os.ReadFile("../../config/monitoring/rackhand.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^ *expr: (.*)$`).FindAllStringSubmatch(string(rules), -1) {
		expressions = append(expressions, m[1])
	}
	expressions = append(expressions, dashboard(t)...)
	if len(expressions) < 25 {
		t.Fatalf("only %d expressions were found", len(expressions))
	}
	use := regexp.MustCompile(`(rackhand_[a-z_]+)(?:\{([^}]*)\})?`)
	by := regexp.MustCompile(`by \(([^)]*)\)`)
	used := map[string]bool{}
	for _, e := range expressions {
		groups := map[string]bool{}
		for _, m := range by.FindAllStringSubmatch(e, -1) {
			for name := range strings.SplitSeq(m[1], ",") {
				groups[strings.TrimSpace(name)] = true
			}
		}
		for _, m := range use.FindAllStringSubmatch(e, -1) {
			have := labels[m[1]]
			used[m[1]] = true
			if have == nil {
				t.Errorf("%s\nthere is no metric %s", e, m[1])
			}
			names := slices.Collect(maps.Keys(groups))
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				names = append(names, l[1])
			}
			for _, name := range names {
				if !have[name] {
					t.Errorf("%s\n%s has no label %s", e, m[1], name)
				}
			}
		}
	}
	for name := range labels {
		if base := strings.TrimSuffix(strings.TrimSuffix(name, "_sum"), "_count"); !used[name] && !used[base+"_bucket"] && !slices.Contains([]string{"rackhand_build_info", "rackhand_database_events", "rackhand_unclaimed_boxes"}, name) {
			t.Errorf("neither an alert nor the dashboard shows %s", name)
		}
	}
}

// dashboard are the expressions of Grafana's dashboard.
func dashboard(t *testing.T) (expressions []string) {
	t.Helper()
	text, err := os.ReadFile("../../config/monitoring/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	if err := decoder.Decode(&d); err != nil || d.Title == "" {
		t.Fatal(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		t.Error("there is more behind the dashboard")
	}
	seen := map[int]bool{}
	for _, p := range d.Panels {
		if p.Title == "" || len(p.Targets) == 0 || seen[p.ID] {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	return expressions
}
