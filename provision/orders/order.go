// Package orders keeps what the operator has ordered agents to do, one order for each host,
// and gives it to the agent that waits for it. An order is on record until the next one: an
// agent that is cut off gets it when it asks again, and a command that is cut off finds what
// came of it.
package orders

import (
	"errors"
	"fmt"
	"time"

	"rackhand/provision/catalog"
)

// How long an order may wait for its agent, and a run for its report, in counted time.
const (
	WaitFor   = 10 * time.Minute
	AnswerFor = 2 * time.Hour
)

// maxReport bounds what is kept of a report with its order, in bytes.
const maxReport = 64 << 10

// A State is where an order is.
type State string

// The states of an order.
const (
	Waiting   State = "waiting"   // its agent has not asked for it yet
	Delivered State = "delivered" // its agent has it
	Answered  State = "answered"  // its report has come
	Expired   State = "expired"   // its agent did not ask, or did not report, in time
)

// Open reports whether there is still something to come.
func (s State) Open() bool { return s == Waiting || s == Delivered }

// An Order is one run that the operator has ordered of a host's agent, and its result.
type Order struct {
	catalog.Order
	Host    string    `json:"host"`
	State   State     `json:"state"`
	Created time.Time `json:"created"`
	// Expires is when it is over unless the next thing happens before: that the agent asks
	// for it, then that it reports.
	Expires time.Time       `json:"expires"`
	Report  *catalog.Report `json:"report,omitempty"`
	// Rev grows with every change of any order.
	Rev uint64 `json:"rev"`
}

// A Record is what is kept of a host.
type Record struct {
	// Asks: its agent has asked for orders, so it is new enough to.
	Asks  bool   `json:"asks,omitempty"`
	Order *Order `json:"order,omitempty"` // the latest one
}

// Errors of Place.
var (
	ErrNeverAsks = errors.New("its agent has never asked for orders")
	ErrUnderWay  = errors.New("another order is under way")
)

// place decides about a new order: it takes the place of one that is over. One that is open
// and says the same goes on.
func (r Record) place(o Order) (next Record, joined bool, err error) {
	if !r.Asks {
		return r, false, ErrNeverAsks
	}
	if now := r.Order; now != nil && now.State.Open() {
		if now.Noop == o.Noop && now.IgnoreWindow == o.IgnoreWindow {
			return r, true, nil
		}
		return r, false, fmt.Errorf("%w: %s, %s", ErrUnderWay, now.Order.Text(), now.State)
	}
	r.Order = &o
	return r, false, nil
}

// deliver decides what an agent gets whose latest order is last: nil for nothing.
func (r Record) deliver(last string, now time.Time) (next Record, o *catalog.Order) {
	if r.Order == nil || !r.Order.State.Open() || r.Order.ID == last {
		return r, nil
	}
	order := *r.Order
	if order.State == Waiting {
		order.State, order.Expires = Delivered, now.Add(AnswerFor)
	}
	r.Order = &order
	return r, &order.Order
}

// answer notes a report. One that comes late still counts.
func (r Record) answer(report catalog.Report) (next Record, ok bool) {
	if r.Order == nil || report.Order == "" || r.Order.ID != report.Order || r.Order.State == Answered {
		return r, false
	}
	order := *r.Order
	small, _, err := report.Fit(maxReport)
	if err != nil {
		return r, false
	}
	order.State, order.Report = Answered, &small
	r.Order = &order
	return r, true
}

// expire ends an order whose time has passed.
func (r Record) expire(now time.Time) (next Record, ok bool) {
	if r.Order == nil || !r.Order.State.Open() || now.Before(r.Order.Expires) {
		return r, false
	}
	order := *r.Order
	order.State = Expired
	r.Order = &order
	return r, true
}
