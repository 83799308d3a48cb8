package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rackhand/provision"
)

// maxInstalls bounds the installs that are followed at a time.
const maxInstalls = 10_000

// stages measures how long installs stay at a stage, from the events that move them.
type stages struct {
	seconds *prometheus.HistogramVec
	at      *places
}

type places struct {
	mu     sync.Mutex
	by     map[string]place // by install
	oldest []string
}

type place struct {
	stage provision.Stage
	since time.Time
}

func newStages() stages {
	return stages{
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "install_stage_seconds", Help: "How long an install stayed at a stage before it reached the next one.",
			Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600},
		}, []string{"stage"}),
		at: &places{by: map[string]place{}},
	}
}

// begin takes an install that is under way when the appliance starts.
func (s stages) begin(in provision.Install) {
	since, reached := in.Reached[in.Stage]
	if in.Stage.Ended() || !reached {
		return
	}
	s.at.mu.Lock()
	defer s.at.mu.Unlock()
	s.at.put(in.ID, place{in.Stage, since})
}

// put notes where an install is; the one that was noted first makes room.
func (p *places) put(install string, at place) {
	if _, known := p.by[install]; !known {
		p.oldest = append(p.oldest, install)
		if len(p.oldest) > maxInstalls {
			delete(p.by, p.oldest[0])
			p.oldest = p.oldest[1:]
		}
	}
	p.by[install] = at
}

// event observes the end of a stage. An event of a stage that its install has passed already
// moves nothing.
func (s stages) event(e provision.Event) {
	if e.Install == "" || e.Stage == "" || !e.Stage.Known() {
		return
	}
	at := e.Counted
	if at.IsZero() {
		at = e.Time
	}
	p := s.at
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.by[e.Install]
	if known && (e.Stage == before.stage || !e.Stage.Ended() && e.Stage.Rank() <= before.stage.Rank()) {
		return
	}
	if known {
		if took := at.Sub(before.since).Seconds(); took >= 0 {
			s.seconds.WithLabelValues(string(before.stage)).Observe(took)
		}
	}
	if e.Stage.Ended() {
		delete(p.by, e.Install)
		return
	}
	p.put(e.Install, place{e.Stage, at})
}
