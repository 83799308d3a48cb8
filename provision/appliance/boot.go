package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/dhcp"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// decide asks the pure decision and carries out its one consequence: arming the
// first install of a host, on disk before the box is answered.
func (a *Appliance) decide(_ context.Context, r boot.Request) (boot.Decision, error) {
	snap := a.holder.Current()
	// Twice at most: after arming, the decision is asked again.
	for range 2 {
		d := boot.Decide(snap, a.latest(snap, r.MAC), a.Clock(), r)
		if !d.Arm {
			return d, nil
		}
		_, err := a.journal.Arm(journal.Request{
			Host: d.Host.Name, System: d.Host.System.Name, FirstOnly: true,
			Budget: a.budget(d.Host), Expires: a.cfg.Install.Expires,
			Source: "dhcp", Why: "armed by itself: this box was never installed, and its first network boot was seen",
		})
		if err != nil && !errors.Is(err, journal.ErrUnderWay) {
			return d, fmt.Errorf("arming the first install of %s: %w", d.Host.Name, err)
		}
	}
	return boot.Decision{}, fmt.Errorf("the install of %s could not be armed", r.MAC)
}

func (a *Appliance) latest(snap *inventory.Snapshot, mac inventory.MAC) *provision.Install {
	h := snap.HostByMAC(mac)
	if h == nil {
		return nil
	}
	in, ok := a.journal.Install(h.Name)
	if !ok {
		return nil
	}
	return &in
}

func (a *Appliance) budget(h *inventory.Host) provision.Budget {
	return provision.Budget{Attempts: a.cfg.Install.Attempts, Time: h.Budget}
}

// leased is the address that a MAC holds a lease of now.
func (a *Appliance) leased(ctx context.Context, mac inventory.MAC) (netip.Addr, bool) {
	r, err := a.store.Get(ctx, dhcp.LeasePrefix+mac.String())
	var l provision.Lease
	if err == nil {
		err = json.Unmarshal(r.Value, &l)
	}
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			a.Log.Error("reading a lease", "mac", mac.String(), "error", err)
		}
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(l.Address)
	return addr, err == nil && a.Clock().Before(l.Expires)
}

// bootingAt names the host at an address, for the events of TFTP.
func (a *Appliance) bootingAt(addr netip.Addr) string {
	if h := a.holder.Current().HostByAddress(addr); h != nil {
		return h.Name
	}
	return ""
}

func (a *Appliance) openBootfile(name string) (io.ReadSeekCloser, int64, error) {
	f, size, err := a.files.Open(name)
	if err != nil {
		return nil, 0, err // not a typed nil in the interface
	}
	return f, size, nil
}

func (a *Appliance) dhcp(link string) *dhcp.Server {
	return dhcp.New(dhcp.Options{
		Interface: link, ServerAddr: a.cfg.Address, Decide: a.decide, Snapshot: a.holder.Current,
		Store: a.store, Record: a.journal, Clock: a.Clock, Log: a.Log,
		ScriptURL: func(mac inventory.MAC) string { return a.urls.URL + "/boot/ipxe?mac=" + mac.String() },
		FileURL:   func(program string) string { return a.urls.URL + "/boot/file/" + program },
	})
}
