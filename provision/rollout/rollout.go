package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/orders"
)

// Options say what is rolled out, and how.
type Options struct {
	Hosts        []string
	Noop         bool
	IgnoreWindow bool
	Batch        int // hosts at a time
	// StopAfter is how many hosts may fail before no further batch is begun; 0: any number.
	StopAfter int
	// Wait waits for the reports, also after the last batch.
	Wait bool

	Order   func(context.Context, orders.Request) ([]orders.Ordered, error)
	Changes func(context.Context, orders.ChangesRequest) (orders.ChangesReply, error)
	Sleep   func(context.Context, time.Duration) error
	Line    func(string) // a line for people; nil: none
}

// An Outcome is the result of one host.
type Outcome struct {
	Host    string          `json:"host"`
	Asked   bool            `json:"asked"`             // it was ordered
	State   orders.State    `json:"state,omitempty"`   // as last heard
	Refused string          `json:"refused,omitempty"` // why it was not ordered
	Report  *catalog.Report `json:"report,omitempty"`
	Exit    int             `json:"exit"` // as of the agent's run
	id      string
	// replaced: another order took its place before its outcome was read.
	replaced bool
}

func (o Outcome) over() bool { return !o.Asked || !o.State.Open() }

// failed reports whether a host counts against StopAfter: its run failed, or there is no
// word of it. One that was refused did nothing.
func (o Outcome) failed() bool {
	return o.Asked && o.over() && (o.Exit == catalog.ExitRunFailed || o.Exit&catalog.ExitFailed != 0)
}

// A Result is the result of a roll-out.
type Result struct {
	Hosts []Outcome `json:"hosts"`
	// Stopped is why not all hosts were asked, or not all were waited for; "" when they were.
	Stopped string `json:"stopped,omitempty"`
}

// ExitCode is the worst of all hosts'. A roll-out that was stopped failed itself unless some
// host's failure says so already.
func (r Result) ExitCode() int {
	var codes []int
	for _, o := range r.Hosts {
		codes = append(codes, o.Exit)
	}
	code := catalog.WorstExit(codes...)
	if r.Stopped != "" && code&catalog.ExitFailed == 0 {
		code = catalog.ExitRunFailed
	}
	return code
}

// A rollout is one that is under way.
type rollout struct {
	Options
	all []Outcome // in the order of Hosts
	rev uint64
}

// Run rolls out. Errors of a single host are in the result; an error means that nothing was
// ordered at all.
func Run(ctx context.Context, o Options) (Result, error) {
	if o.Line == nil {
		o.Line = func(string) {}
	}
	r := &rollout{Options: o}
	for _, h := range o.Hosts {
		r.all = append(r.all, Outcome{Host: h})
	}
	stopped := ""
	for from := 0; from < len(r.all) && stopped == ""; from += o.Batch {
		batch := r.all[from:min(from+o.Batch, len(r.all))]
		if err := r.order(ctx, batch); err != nil {
			if from == 0 {
				return Result{}, err
			}
			stopped = err.Error()
			break
		}
		last := from+o.Batch >= len(r.all)
		if o.Wait || !last {
			stopped = r.wait(ctx, batch)
		}
		failed := 0
		for _, x := range r.all {
			if x.failed() {
				failed++
			}
		}
		if stopped == "" && !last && o.StopAfter > 0 && failed >= o.StopAfter {
			stopped = fmt.Sprintf("%d hosts failed", failed)
		}
	}
	r.sayStopped(stopped)
	return Result{Hosts: r.all, Stopped: stopped}, nil
}

// order orders a batch.
func (r *rollout) order(ctx context.Context, batch []Outcome) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var hosts []string
	for _, o := range batch {
		hosts = append(hosts, o.Host)
	}
	// Not cut off by an interrupt: then it would be unknown which hosts have their order.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), orderTime)
	defer cancel()
	got, err := r.Order(ctx, orders.Request{Hosts: hosts, Noop: r.Noop, IgnoreWindow: r.IgnoreWindow})
	if err != nil {
		return fmt.Errorf("ordering runs of %s: %w; some of these may have been ordered", strings.Join(hosts, ", "), err)
	}
	for _, g := range got {
		i := slices.IndexFunc(batch, func(o Outcome) bool { return o.Host == g.Host })
		if i < 0 {
			continue
		}
		o := &batch[i]
		if g.Order == nil {
			o.Refused, o.Exit = g.Refused, catalog.ExitRunFailed
			r.Line(fmt.Sprintf("%s: not ordered: %s", o.Host, o.Refused))
			continue
		}
		o.Asked, o.State, o.id = true, g.Order.State, g.Order.ID
		switch {
		case g.Joined:
			r.Line(fmt.Sprintf("%s: the same was ordered at %s and is under way", o.Host, g.Order.Created.Local().Format("15:04:05")))
		case !g.Connected:
			r.Line(fmt.Sprintf("%s: ordered; its agent is not connected, or in a run: the order holds until %s", o.Host, g.Order.Expires.Local().Format("15:04")))
		default:
			r.Line(o.Host + ": ordered")
		}
	}
	return nil
}

const (
	// orderTime bounds the ordering of a batch: a record on disk for each host.
	orderTime = time.Minute
	// The appliance may be restarted while a batch is waited for.
	awayPause = 2 * time.Second
	awayTries = 60
)

// wait waits until every host of a batch is done; why says why it stopped waiting earlier.
func (r *rollout) wait(ctx context.Context, batch []Outcome) (why string) {
	away := 0
	for {
		var hosts []string
		for _, o := range batch {
			if !o.over() {
				hosts = append(hosts, o.Host)
			}
		}
		if len(hosts) == 0 {
			return ""
		}
		reply, err := r.Changes(ctx, orders.ChangesRequest{Hosts: hosts, After: r.rev})
		if ctx.Err() != nil {
			return "interrupted"
		}
		if err != nil {
			if away++; away == 1 {
				r.Line("the appliance does not answer; trying again: " + err.Error())
			}
			if away == awayTries || r.Sleep(ctx, awayPause) != nil {
				return "the appliance does not answer"
			}
			continue
		}
		away, r.rev = 0, reply.Rev
		for _, change := range reply.Orders {
			r.changed(batch, change)
		}
	}
}

// changed notes the new state of an order.
func (r *rollout) changed(batch []Outcome, c orders.Order) {
	i := slices.IndexFunc(batch, func(o Outcome) bool { return o.Host == c.Host })
	if i < 0 || batch[i].over() {
		return
	}
	o := &batch[i]
	o.State, o.Report = c.State, c.Report
	switch {
	case c.ID != o.id:
		// One order is on record for each host. A later one replaces it only when it is over,
		// and its report is no longer there to be read.
		o.State, o.Report, o.Exit, o.replaced = orders.Expired, nil, catalog.ExitRunFailed, true
	case c.State == orders.Expired:
		o.Exit = catalog.ExitRunFailed
	case c.Report != nil:
		o.Exit = c.Report.ExitCode()
	}
	if o.over() {
		for _, line := range o.Lines() {
			r.Line(line)
		}
	}
}

// sayStopped names the hosts that go on, and those that were not asked.
func (r *rollout) sayStopped(why string) {
	if why == "" {
		return
	}
	var going, unasked []string
	for _, o := range r.all {
		switch {
		case o.Asked && !o.over():
			going = append(going, o.Host)
		case !o.Asked && o.Refused == "":
			unasked = append(unasked, o.Host)
		}
	}
	r.Line("stopped: " + why)
	if len(going) > 0 {
		r.Line("ordered, and going on: " + strings.Join(going, ", "))
	}
	if len(unasked) > 0 {
		r.Line("not asked: " + strings.Join(unasked, ", "))
	}
}
