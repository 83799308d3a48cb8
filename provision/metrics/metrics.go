// Package metrics counts what the appliance does and shows how it stands, for Prometheus. It
// learns what happens from traces and events, and asks for the rest when it is scraped, so no
// other part knows of it.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"rackhand/provision"
)

// namespace begins every name of the appliance's own.
const namespace = "rackhand"

// patience bounds one scrape. Prometheus gives up after 10 s unless it is told otherwise, and
// would get no answer then instead of rackhand_up 0.
const patience = 5 * time.Second

// Options are what Metrics needs.
type Options struct {
	// Figures says how the appliance stands now.
	Figures func(context.Context) (Figures, error)
	Version string
	Log     *slog.Logger
}

// Metrics are an appliance's. Observe and Follow feed them; Handler shows them.
type Metrics struct {
	Options
	registry *prometheus.Registry
	traffic  traffic
	stages   stages
	events   *prometheus.CounterVec
}

// New makes metrics with a registry of their own.
func New(o Options) *Metrics {
	m := &Metrics{Options: o, registry: prometheus.NewRegistry(), traffic: newTraffic(), stages: newStages()}
	m.events = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "events_total", Help: "Events of the journal, by level and source.",
	}, []string{"level", "source"})
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "The version that runs, as a label. Always 1.", ConstLabels: prometheus.Labels{"version": o.Version},
	}, func() float64 { return 1 })
	m.registry.MustRegister(build, m.events, m.stages.seconds, &standing{figures: o.Figures, log: o.Log, metrics: descriptions()},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.traffic.all()...)
	return m
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: patience, ErrorLog: slog.NewLogLogger(m.Log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
	})
}

// Gather returns the metrics as they are now.
func (m *Metrics) Gather() ([]*dto.MetricFamily, error) { return m.registry.Gather() }

// Follow takes the events of the journal until the channel is closed or ctx ends.
func (m *Metrics) Follow(ctx context.Context, events <-chan provision.Event) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-events:
			if !open {
				return nil
			}
			m.Event(e)
		}
	}
}

// Begin takes the installs that are under way before the first event, so that the time that
// they have been at their stage is known.
func (m *Metrics) Begin(installs map[string]provision.Install) {
	for _, in := range installs {
		m.stages.begin(in)
	}
}

// Event counts one event.
func (m *Metrics) Event(e provision.Event) {
	level := string(e.Level)
	if level == "" {
		level = "info"
	}
	m.events.WithLabelValues(level, e.Source).Inc()
	m.stages.event(e)
}
