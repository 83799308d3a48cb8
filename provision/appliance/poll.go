package appliance

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"rackhand/inventory"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/poll"
	"rackhand/provision/power"
)

// newPoller makes what asks the BMCs of all hosts now and then.
func (a *Appliance) newPoller() *poll.Poller {
	return poll.New(poll.Options{
		Hosts: a.bmcHosts, Inventory: func() string { return a.holder.Current().Revision }, Ask: a.askBMC, Power: a.cfg.BMC.Poll, Sensors: a.cfg.BMC.Sensors,
		Record: a.journal, Now: a.Clock, After: time.After, Random: rand.Float64, Log: a.Log,
	})
}

// bmcHosts are the hosts that have a BMC, with its address.
func (a *Appliance) bmcHosts() map[string]string {
	snap := a.holder.Current()
	if snap == nil {
		return nil
	}
	out := map[string]string{}
	for name, h := range snap.Hosts {
		if h.BMC != nil {
			out[name] = h.BMC.Address.String()
		}
	}
	return out
}

// askBMC reads parts of a host's BMC, unless an operation is under way there.
func (a *Appliance) askBMC(ctx context.Context, host string, entries int, parts ...bmc.ReportPart) (r bmc.Report, err error) {
	snap := a.holder.Current()
	if snap == nil || snap.Hosts[host] == nil {
		return r, bmc.ErrNoBMC
	}
	t, err := a.target(snap.Hosts[host])
	if err != nil {
		return r, err
	}
	// The trace of a box has no room for a line a minute.
	t.Box = inventory.MAC{}
	err = a.power.With(power.Background(ctx), "ask for its state", t, bmc.Operator, func(ctx context.Context, s bmc.Session) (err error) {
		r, err = bmc.Read(ctx, s, entries, parts...)
		return err
	})
	if err != nil && ctx.Err() != nil && !errors.Is(err, bmc.ErrBusy) {
		err = ctx.Err()
	}
	return r, err
}
