package muninnode

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// now is the time of these tests.
var now = time.Date(2026, 12, 1, 15, 0, 0, 0, time.UTC)

// registry has some of the appliance's metrics.
func registry(t testing.TB) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewRegistry()
	hosts := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rackhand_hosts"}, []string{"state"})
	hosts.WithLabelValues("serving").Set(12)
	hosts.WithLabelValues("needs a look").Set(1)
	asked := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "rackhand_http_requests_total"}, []string{"port", "path", "code"})
	asked.WithLabelValues("boot", "image", "2xx").Add(5)
	asked.WithLabelValues("boot", "image", "4xx").Add(2)
	asked.WithLabelValues("agents", "v1", "2xx").Add(3)
	pool := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rackhand_pool_addresses"}, []string{"network"})
	pool.WithLabelValues("rack1").Set(41)
	used := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rackhand_pool_addresses_used"}, []string{"network"})
	used.WithLabelValues("rack1").Set(3)
	ca := prometheus.NewGauge(prometheus.GaugeOpts{Name: "rackhand_ca_expires_timestamp_seconds"})
	ca.Set(float64(now.Add(36 * time.Hour).Unix()))
	writing := prometheus.NewCounter(prometheus.CounterOpts{Name: "rackhand_database_write_seconds_total"})
	writing.Add(1.2344)
	stuck := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "rackhand_stuck_hosts"}, []string{"rule"})
	stuck.WithLabelValues("root").Set(1)
	stuck.WithLabelValues("9 lives\nstuck.value 7 # x").Set(2)
	r.MustRegister(hosts, asked, pool, used, ca, writing, stuck)
	return r
}

func newServer(t testing.TB) *Server {
	return New(Options{
		Name: "rackhand.example", Version: "0.9.0", Gather: registry(t).Gather, Clock: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
}

// TestAnswer: what each command gets.
func TestAnswer(t *testing.T) {
	const unknown = "# Unknown command. Try cap, list, nodes, config, fetch, version or quit\n"
	s := newServer(t)
	for command, want := range map[string]string{
		"version": "munins node on rackhand.example version: rackhand 0.9.0\n",
		"nodes":   "rackhand.example\n.\n", "cap multigraph dirtyconfig": "cap \n", "CAP": "cap \n",
		"list other.example": "\n", "hello": unknown, "": unknown, "config": "# Unknown service\n.\n", "fetch nosuch": "# Unknown service\n.\n",
		"config rackhand_hosts": "graph_title Hosts by state\ngraph_vlabel hosts\ngraph_category rackhand\ngraph_args --base 1000 -l 0\n" +
			"needs_a_look.label needs a look\nneeds_a_look.draw AREA\nserving.label serving\nserving.draw STACK\n.\n",
		"FETCH rackhand_hosts": "needs_a_look.value 1\nserving.value 12\n.\n",
		"config rackhand_http": "graph_title HTTP requests of boxes and agents\ngraph_vlabel requests per ${graph_period}\ngraph_category network\ngraph_args --base 1000 -l 0\ngraph_period minute\n" +
			"image.label image\nimage.type DERIVE\nimage.min 0\nimage.draw AREA\nv1.label v1\nv1.type DERIVE\nv1.min 0\nv1.draw STACK\n.\n",
		"fetch rackhand_http":         "image.value 7\nv1.value 3\n.\n",
		"fetch rackhand_pool":         "rack1_all.value 41\nrack1_used.value 3\n.\n",
		"fetch rackhand_certificates": "CA.value 1.5\n.\n",
		"fetch rackhand_writes":       "time.value 1234\n.\n", // a whole number
		"fetch rackhand_stuck":        "_9_lives_stuck_value_7___x.value 2\n_root.value 1\n.\n",
		"fetch rackhand_tftp":         ".\n", // nothing yet
	} {
		got, more := s.answer(command)
		if got != want || !more {
			t.Errorf("%q:\n%s\nwant\n%s", command, got, want)
		}
	}
	if got, _ := s.answer("config rackhand_stuck"); strings.Contains(got, "\nstuck.value") || strings.Contains(got, "#") {
		t.Errorf("a label writes lines of its own:\n%s", got)
	}
	list, _ := s.answer("list rackhand.example")
	for _, g := range graphs() {
		if !strings.Contains(list, g.name) {
			t.Errorf("%s is not in the list", g.name)
		}
		if got, _ := s.answer("config " + g.name); !strings.HasPrefix(got, "graph_title ") || !strings.HasSuffix(got, "\n.\n") {
			t.Errorf("config %s:\n%s", g.name, got)
		}
	}
	for _, end := range []string{"quit", ".", "QUIT"} {
		if got, more := s.answer(end); got != "" || more {
			t.Errorf("%s: %q, %v", end, got, more)
		}
	}
}

// TestGatherFails: a plugin that can't be read says so in munin's words.
func TestGatherFails(t *testing.T) {
	s := newServer(t)
	s.Gather = func() ([]*dto.MetricFamily, error) { return nil, errors.New("the database hangs") }
	if got, more := s.answer("fetch rackhand_hosts"); got != "# Bad exit\n.\n" || !more {
		t.Errorf("%q", got)
	}
}

// TestServe: a whole dialogue over TCP; a stranger is refused, and so is a line without end.
func TestServe(t *testing.T) {
	s := newServer(t)
	s.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	dial := func(from string) net.Conn {
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	if text, _ := io.ReadAll(dial("127.0.0.3")); len(text) > 0 {
		t.Errorf("a stranger gets %q", text)
	}
	master := dial("127.0.0.2")
	if _, err := io.WriteString(master, "cap multigraph\nfetch rackhand_hosts\r\nquit\n"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(master)
	if want := "# munin node at rackhand.example\ncap \nneeds_a_look.value 1\nserving.value 12\n.\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v; want %q", text, err, want)
	}
	long := dial("127.0.0.2")
	if _, err := bufio.NewReader(long).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(long, strings.Repeat("x", 4*maxLine))
	if text, _ := io.ReadAll(long); len(text) > 0 { // closed or reset
		t.Errorf("a line without end gets %q", text)
	}
	waiting := dial("127.0.0.2")
	if _, err := bufio.NewReader(waiting).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	stop() // ends the dialogue that is open
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// FuzzAnswer: no command makes a panic, or an answer without an end.
func FuzzAnswer(f *testing.F) {
	s := newServer(f)
	for _, seed := range []string{"config rackhand_hosts", "list", "fetch x", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, command string) {
		if text, more := s.answer(command); more && !strings.HasSuffix(text, "\n") {
			t.Errorf("%q gets %q", command, text)
		}
	})
}
