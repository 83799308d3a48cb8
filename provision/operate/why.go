package operate

import (
	"context"
	"slices"

	"rackhand/provision"
)

// Why returns the status of a host, why it is stuck, and the events that show it.
func (o *Operator) Why(ctx context.Context, host string) (provision.WhyReply, error) {
	status, err := o.Status(ctx)
	if err != nil {
		return provision.WhyReply{}, err
	}
	i := slices.IndexFunc(status.Hosts, func(h provision.HostStatus) bool { return h.Host == host })
	if i < 0 {
		return provision.WhyReply{}, provision.NoHost(host, o.Snapshot().HostNames())
	}
	r := provision.WhyReply{Host: status.Hosts[i], Evidence: []provision.Event{}}
	if r.Host.Stuck == nil {
		return r, nil
	}
	r.Evidence, err = o.Journal.Numbered(ctx, r.Host.Stuck.Evidence)
	return r, err
}
