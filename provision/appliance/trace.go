package appliance

import (
	"context"
	"net/netip"
	"time"

	"rackhand/inventory"
	"rackhand/provision/trace"
)

// newTraces makes the memory of the last packets and requests of each box.
func (a *Appliance) newTraces() *trace.Recorder {
	return trace.New(trace.Options{Clock: a.Clock, Known: a.knowsCard, Holder: a.cardAt})
}

// knowsCard reports whether a MAC is one of a host of the inventory, or of its BMC.
func (a *Appliance) knowsCard(mac inventory.MAC) bool {
	snap := a.holder.Current()
	return snap != nil && (snap.HostByMAC(mac) != nil || snap.HostByBMC(mac) != nil)
}

// cardAt returns the MAC of the box that has an address: the one with a lease of it, or
// else a card of the host that has it in the inventory, whose system may use no DHCP.
func (a *Appliance) cardAt(addr netip.Addr) (inventory.MAC, bool) {
	if mac, ok := a.leaseholder(context.Background(), addr); ok {
		return mac, true
	}
	if h := a.holder.Current().HostByAddress(addr); h != nil && len(h.MACs) > 0 {
		return h.MACs[0], true
	}
	return inventory.MAC{}, false
}

// tracesEvery is how often Deps.Traced is called.
const tracesEvery = time.Minute

// watchTraces reports the memory of the traces until ctx ends.
func (a *Appliance) watchTraces(ctx context.Context) error {
	tick := time.NewTicker(tracesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if a.Traced != nil {
				a.Traced(a.traces.Bytes())
			}
		}
	}
}
