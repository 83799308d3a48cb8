package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Figures are how an appliance stands.
type Figures struct {
	Now      time.Time
	Hosts    map[string]int // by standing: serving, under-way, stuck, failed, ...
	Stages   map[string]int // installs under way by stage
	Stuck    map[string]int // hosts by the rule that names the cause
	Agents   map[string]int // ok, failing, silent, disabled, too old
	BMCs     map[string]int // answers, silent, unknown
	Power    map[string]int // on, off, unknown
	Unheld   int            // boxes in no inventory
	Problems int            // of the inventory and of links

	Networks []NetworkFigures
	Database DatabaseFigures
	Mirror   *MirrorFigures // nil without a mirror

	CAExpires time.Time
	// FirstCertificate is when the first certificate of an agent ends that isn't revoked; zero
	// without one.
	FirstCertificate time.Time
}

// NetworkFigures are a network's addresses for boxes outside the inventory.
type NetworkFigures struct {
	Name       string
	Size, Used int
}

// DatabaseFigures are the database's.
type DatabaseFigures struct {
	Bytes, Free int64
	Events      int
	Writes      uint64        // changes since it was made
	Writing     time.Duration // that writing took since the start
}

// MirrorFigures are what the mirror cache asked of the mirrors since the start.
type MirrorFigures struct{ Fetches, Failures, Fetched uint64 }

// standing asks for figures when it is scraped.
type standing struct {
	figures func(context.Context) (Figures, error)
	log     *slog.Logger
	metrics map[string]*prometheus.Desc // by name
}

// descriptions are the metrics of a scrape, by name.
func descriptions() map[string]*prometheus.Desc {
	all := map[string]*prometheus.Desc{}
	for _, d := range [][]string{
		{"up", "1 if the appliance could say how it stands."},
		{"hosts", "Hosts of the inventory, by how they stand.", "state"},
		{"installs", "Installs under way, by stage.", "stage"},
		{"stuck_hosts", "Hosts that are stuck or failed, by the rule that names the cause.", "rule"},
		{"agents", "Agents of hosts, by state.", "state"},
		{"bmcs", "BMCs of hosts, by whether they answer.", "state"},
		{"powered_hosts", "Hosts, by the power that their BMC reports.", "power"},
		{"unclaimed_boxes", "Boxes that asked for an address and are in no inventory."},
		{"problems", "Problems of the inventory and of links."},
		{"pool_addresses", "Addresses for boxes outside the inventory.", "network"},
		{"pool_addresses_used", "Of these, the ones that are leased.", "network"},
		{"database_bytes", "Size of the database's file."},
		{"database_free_bytes", "Of these, room that nothing uses."},
		{"database_events", "Events that are kept."},
		{"database_writes_total", "Changes that were written."},
		{"database_write_seconds_total", "Time that writing took. Divided by the number of changes, it is the latency of one."},
		{"mirror_fetches_total", "Questions of the mirror cache to the mirrors. Requests of hosts are http_requests_total with the path mirror; those without a question were hits."},
		{"mirror_failures_total", "Of these, the ones that brought no file and no clear answer."},
		{"mirror_fetched_bytes_total", "Bytes that the mirror cache fetched."},
		{"ca_expires_timestamp_seconds", "When the certificate of the appliance's CA ends."},
		{"agent_certificate_expires_timestamp_seconds", "When the first certificate of an agent ends."},
	} {
		all[d[0]] = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", d[0]), d[1], d[2:], nil)
	}
	return all
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	for _, d := range s.metrics {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *standing) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	put := func(kind prometheus.ValueType, name string, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(s.metrics[name], kind, value, labels...)
	}
	gauge := func(name string, value float64, labels ...string) { put(prometheus.GaugeValue, name, value, labels...) }
	count := func(name string, value float64, labels ...string) {
		put(prometheus.CounterValue, name, value, labels...)
	}
	f, err := s.figures(ctx)
	if err != nil {
		s.log.Warn("metrics: how the appliance stands", "error", err)
		gauge("up", 0)
		return
	}
	gauge("up", 1)
	for name, by := range map[string]map[string]int{"hosts": f.Hosts, "installs": f.Stages, "stuck_hosts": f.Stuck, "agents": f.Agents, "bmcs": f.BMCs, "powered_hosts": f.Power} {
		for label, n := range by {
			gauge(name, float64(n), label)
		}
	}
	gauge("unclaimed_boxes", float64(f.Unheld))
	gauge("problems", float64(f.Problems))
	for _, n := range f.Networks {
		gauge("pool_addresses", float64(n.Size), n.Name)
		gauge("pool_addresses_used", float64(n.Used), n.Name)
	}
	gauge("database_bytes", float64(f.Database.Bytes))
	gauge("database_free_bytes", float64(f.Database.Free))
	gauge("database_events", float64(f.Database.Events))
	count("database_writes_total", float64(f.Database.Writes))
	count("database_write_seconds_total", f.Database.Writing.Seconds())
	if m := f.Mirror; m != nil {
		count("mirror_fetches_total", float64(m.Fetches))
		count("mirror_failures_total", float64(m.Failures))
		count("mirror_fetched_bytes_total", float64(m.Fetched))
	}
	for name, at := range map[string]time.Time{"ca_expires_timestamp_seconds": f.CAExpires, "agent_certificate_expires_timestamp_seconds": f.FirstCertificate} {
		if !at.IsZero() {
			gauge(name, float64(at.Unix()))
		}
	}
}
