// Package poll asks the BMCs of all hosts now and then: for the power state each minute, for
// sensors, event log and boot override each five. It keeps the latest answers in memory. An
// operation that is under way at a BMC goes first: then the question waits.
package poll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
)

const (
	// atOnce is how many BMCs are asked at once, and slowAtOnce how many of those that don't
	// answer.
	atOnce     = 32
	slowAtOnce = 8
	// briefly bounds a question for the power state alone, and long one for more.
	briefly = 10 * time.Second
	long    = 90 * time.Second
	// look is how often the list of hosts is read.
	look = 10 * time.Second
	// entries is how many of a log's entries are kept.
	entries = 10
)

// Options are what a Poller needs; all but Log are required.
type Options struct {
	// Hosts are the hosts that have a BMC, by name, with the BMC's address.
	Hosts func() map[string]string
	// Inventory names the inventory in force. When it changes, BMCs that did not answer are asked
	// at once: their account, address or certificate may have been mended.
	Inventory func() string
	// Ask reads parts of a host's BMC. An error that wraps bmc.ErrBusy says that an operation is
	// under way there.
	Ask func(ctx context.Context, host string, entries int, parts ...bmc.ReportPart) (bmc.Report, error)
	// Power and Sensors are how often BMCs are asked; Sensors 0: for the power alone.
	Power, Sensors time.Duration
	Record         provision.Recorder
	Now            func() time.Time
	After          func(time.Duration) <-chan time.Time
	Random         func() float64 // from 0 to 1
	Log            *slog.Logger
}

// A Poller asks BMCs while Run runs.
type Poller struct {
	o     Options
	mu    sync.Mutex
	hosts map[string]*host
}

// New makes a Poller.
func New(o Options) *Poller {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Poller{o: o, hosts: map[string]*host{}}
}

// An answer is what came of a question.
type answer struct {
	host, address string
	parts         []bmc.ReportPart
	report        bmc.Report
	err           error
}

// got are the parts that were asked for and may be in the report. A BMC that fell silent in the
// middle has given its power state.
func (a answer) got() []bmc.ReportPart {
	if a.err != nil {
		return []bmc.ReportPart{bmc.PartPower}
	}
	return a.parts
}

// Run asks until ctx ends, and then waits for the questions under way.
func (p *Poller) Run(ctx context.Context) error {
	answers := make(chan answer)
	schedules := map[string]*schedule{}
	asking, slow, inventory := 0, 0, ""
	var looked time.Time
	for {
		now := p.o.Now()
		if looked.IsZero() || now.Sub(looked) >= look || now.Before(looked) {
			p.keepUp(schedules, now)
			looked = now
			if now := p.o.Inventory(); now != inventory {
				inventory = now
				p.askFailed(schedules)
			}
		}
		ask, again := choose(schedules, now, atOnce-asking, slowAtOnce-slow)
		for _, name := range ask {
			s := schedules[name]
			s.asking = true
			asking++
			if s.failed > 0 {
				slow++
			}
			q := answer{host: name, address: p.addressOf(name), parts: s.parts(now, p.o.Sensors)}
			go func() { answers <- p.ask(ctx, q) }()
		}
		wait := look
		if !again.IsZero() {
			wait = max(0, min(look, again.Sub(now)))
		}
		select {
		case a := <-answers:
			asking--
			if s := schedules[a.host]; s != nil {
				if s.failed > 0 {
					slow--
				}
				p.take(a, s)
			}
		case <-p.o.After(wait):
		case <-ctx.Done():
			for ; asking > 0; asking-- {
				<-answers
			}
			return nil
		}
	}
}

// ask puts one question.
func (p *Poller) ask(ctx context.Context, q answer) answer {
	limit := briefly
	if len(q.parts) > 1 {
		limit = long
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	q.report, q.err = p.o.Ask(ctx, q.host, entries, q.parts...)
	if errors.Is(q.err, context.DeadlineExceeded) {
		q.err = &bmc.Error{Op: "ask for the power state", Kind: bmc.ErrUnreachable, Err: fmt.Errorf("no answer within %s", limit)}
	}
	return q
}

// keepUp adds hosts that are new and removes those that have gone, or have another BMC. The
// first questions are spread over a quarter of the time between two.
func (p *Poller) keepUp(schedules map[string]*schedule, now time.Time) {
	want := p.o.Hosts()
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, h := range p.hosts {
		if want[name] == h.address {
			continue
		}
		if s := schedules[name]; s == nil || !s.asking {
			delete(p.hosts, name)
			delete(schedules, name)
		}
	}
	for name, address := range want {
		if p.hosts[name] == nil {
			p.hosts[name] = &host{address: address}
			schedules[name] = &schedule{due: now.Add(time.Duration(p.o.Random() * float64(p.o.Power) / 4))}
		}
	}
}

// askFailed makes the questions due that were not answered the last time.
func (p *Poller) askFailed(schedules map[string]*schedule) {
	now := p.o.Now()
	for _, s := range schedules {
		if s.failed > 0 && !s.asking {
			s.due = now
		}
	}
}

func (p *Poller) addressOf(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hosts[name].address
}

// take keeps an answer, and records what a person should know.
func (p *Poller) take(a answer, s *schedule) {
	now := p.o.Now()
	o := answered
	switch {
	case a.err == nil, a.report.Power != "":
	case errors.Is(a.err, bmc.ErrBusy), errors.Is(a.err, context.Canceled):
		o = busy
	case bmc.Why(a.err) == bmc.WhySilence, bmc.Why(a.err) == bmc.WhyAddress:
		o = silent
	default:
		o = refused
	}
	*s = s.after(o, a.parts, now, p.o.Power, p.o.Random())
	p.mu.Lock()
	h := p.hosts[a.host]
	var events []provision.Event
	if h != nil && h.address == a.address && o != busy {
		events = h.take(a, now)
	}
	p.mu.Unlock()
	for _, e := range events {
		e.Host, e.Source = a.host, "bmc"
		if err := p.o.Record.Record(e); err != nil {
			p.o.Log.Error("recording what a BMC said", "host", a.host, "error", err)
		}
	}
}

// States are the states of all hosts whose BMC was asked, by name.
func (p *Poller) States() map[string]provision.BMCState {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]provision.BMCState, len(p.hosts))
	for name, h := range p.hosts {
		if h.asked() {
			out[name] = h.state()
		}
	}
	return out
}

// Latest is the latest answer of a host's BMC, part by part; false before the first one.
func (p *Poller) Latest(name string) (Latest, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[name]
	if h == nil || !h.asked() {
		return Latest{}, false
	}
	return Latest{State: h.state(), Report: h.report, Read: h.read, Info: h.info}, true
}
