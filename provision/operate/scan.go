package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"rackhand/inventory"
	"rackhand/provision"
)

// ScanBMCs searches a network for BMCs, and calls each for those that it finds, one after the
// other. One search runs at a time. The event says that the operator asked for it: the search
// may alarm whoever watches that network.
func (o *Operator) ScanBMCs(ctx context.Context, r provision.ScanRequest, each func(provision.FoundBMC)) error {
	if err := r.Check(); err != nil {
		return err
	}
	if !o.scanning.TryLock() {
		return errors.New("another search for BMCs is running: wait until it ends")
	}
	defer o.scanning.Unlock()
	if err := o.Journal.Record(provision.Event{
		Source: "operator", Kind: "bmc-scan", Message: fmt.Sprintf("%s is searched for BMCs", r.Network.Masked()),
		Fields: map[string]string{"network": r.Network.Masked().String()},
	}); err != nil {
		return err
	}
	return o.Scan(ctx, r, func(f provision.FoundBMC) {
		if f.Host = strings.Join(hostsOfBMC(o.Snapshot(), f.Address), ", "); f.Host == "" {
			f.Add = "rackhand bmc add HOST " + f.Address.String()
		}
		each(f)
	})
}

// hostsOfBMC are the hosts whose BMC has an address; boxes may share one.
func hostsOfBMC(snap *inventory.Snapshot, addr netip.Addr) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(snap.Hosts)) {
		if b := snap.Hosts[name].BMC; b != nil && b.Address.Addr() == addr {
			out = append(out, name)
		}
	}
	return out
}
