package operate

import (
	"context"
	"errors"
	"fmt"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/orders"
)

// Converge orders a run of hosts' agents. The answer has the reason for each host without an
// order.
func (o *Operator) Converge(ctx context.Context, r orders.Request) ([]orders.Ordered, error) {
	out := make([]orders.Ordered, 0, len(r.Hosts))
	for _, host := range r.Hosts {
		one, err := o.order(ctx, host, catalog.Order{Noop: r.Noop, IgnoreWindow: r.IgnoreWindow})
		if err != nil {
			return out, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (o *Operator) order(ctx context.Context, host string, wanted catalog.Order) (orders.Ordered, error) {
	out := orders.Ordered{Host: host, Connected: o.Orders.Connected(host)}
	disabled := o.Journal.Hosts()[host].Agent.Disabled
	switch {
	case o.Snapshot().Hosts[host] == nil:
		out.Refused = "it is not in the inventory"
		return out, nil
	case disabled != nil && o.Now().Before(disabled.Until) && !wanted.Noop:
		out.Refused = "its agent is disabled until " + disabled.Until.Local().Format("Mon 2 Jan 15:04") + " because " + disabled.Reason
		return out, nil
	}
	order, joined, err := o.Orders.Place(ctx, host, wanted)
	switch {
	case errors.Is(err, orders.ErrNeverAsks):
		out.Refused = err.Error() + ": it is older than orders, or not enrolled; " + o.nextRun(host)
		return out, nil
	case errors.Is(err, orders.ErrUnderWay):
		out.Refused = err.Error()
		return out, nil
	case err != nil:
		return out, err
	}
	out.Order, out.Joined = &order, joined
	if joined {
		return out, nil
	}
	return out, o.Journal.Record(provision.Event{Host: host, Source: "operator", Kind: "converge-ordered", Message: "the operator has ordered " + wanted.Text() + " of the agent"})
}

// nextRun is when a host's agent makes its next run, by its latest report.
func (o *Operator) nextRun(host string) string {
	r, ok := o.Runs()[host]
	if !ok {
		return "it has not reported yet"
	}
	next := r.Received.Add(provision.Interval(r.Interval))
	if late := o.Now().Sub(next); late > 0 {
		return fmt.Sprintf("its next run was due at %s", next.Local().Format("15:04"))
	}
	return fmt.Sprintf("its next run is due at about %s", next.Local().Format("15:04"))
}
