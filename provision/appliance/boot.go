package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/dhcp"
	"rackhand/provision/journal"
	"rackhand/provision/store"
)

// decide makes the pure decision, and arms the first install of a host if it says so. The
// install is on disk before the box gets an answer.
func (a *Appliance) decide(_ context.Context, r boot.Request) (boot.Decision, error) {
	snap := a.holder.Current()
	// Twice at most: after arming, the decision is asked again.
	for range 2 {
		d := boot.Decide(snap, a.latest(snap, r.MAC), a.journal.Counted(), r)
		if !d.Arm {
			return d, a.settle(d, r)
		}
		_, err := a.journal.Arm(journal.Request{
			Host: d.Host.Name, MACs: d.Host.MACTexts(), System: d.Host.System.Name, FirstOnly: true,
			Budget: a.budget(d.Host), Expires: a.cfg.Install.Expires,
			Source: "dhcp", Why: "armed automatically: this box was never installed, and it booted from the network",
		})
		if errors.Is(err, journal.ErrNotFirst) {
			return boot.Decision{Host: d.Host, Action: boot.Disk, Why: d.Host.Name + " boots its own disk: " + err.Error()}, nil
		}
		if err != nil && !errors.Is(err, journal.ErrUnderWay) {
			return d, fmt.Errorf("arming the first install of %s: %w", d.Host.Name, err)
		}
		if err == nil {
			a.reportNotReady(d.Host)
		}
	}
	return boot.Decision{}, fmt.Errorf("the install of %s could not be armed", r.MAC)
}

// reportNotReady reports at once why a host that was armed automatically can't get its installer.
// The box stays at its boot loader, and continues when the operator has fixed that.
func (a *Appliance) reportNotReady(h *inventory.Host) {
	if a.handout == nil {
		return
	}
	if err := a.handout.Ready(h, a.urls); err != nil {
		err = a.journal.Record(provision.Event{
			Host: h.Name, Source: "appliance", Kind: "not-ready", Level: provision.LevelError,
			Message: fmt.Sprintf("it is armed, but can't get its installer yet: %v", err), Fields: provision.LackFields(err),
		})
		if err != nil {
			a.Log.Error("recording an event", "kind", "not-ready", "error", err)
		}
	}
}

// settle handles a box that asks for the installer again and can't have it. If it rebooted in
// the middle of its last attempt, its install has failed. If it may be installed already, the
// appliance asks the operator. Both need a request over TCP from the box's address, since a
// datagram may be forged.
func (a *Appliance) settle(d boot.Decision, r boot.Request) error {
	// d.Asks is checked first: an update writes, and a box may ask a thousand times.
	if d.Host == nil || !d.Asks || !r.Proved {
		return nil
	}
	_, err := a.journal.Update(d.Host.Name, "", func(in provision.Install) (provision.Install, provision.Event, error) {
		if why, finished := in.MayBeFinished(); finished {
			if in.Doubt != "" {
				return in, provision.Event{}, nil // the question was just asked
			}
			in.Doubt = why
			return in, in.Question(why), nil
		}
		spent, why := in.Spent(a.journal.Counted())
		if !spent {
			return in, provision.Event{}, nil
		}
		return in, provision.Event{
			Source: "http", Kind: "spent", Stage: provision.Failed, Level: provision.LevelError,
			Message: fmt.Sprintf("the box boots from the network again and may not have the installer: %s; `%s` arms another", why, in.Again()),
		}, nil
	})
	if errors.Is(err, journal.ErrNoArm) {
		return nil
	}
	return err
}

// markUnheard marks the installs whose installer may have reported while the appliance was off:
// such reports are lost. It is called before any request is answered.
//
// Systems that are images don't need it: their installer repeats its last report for ten
// minutes, and its guard recognises a finished system.
func (a *Appliance) markUnheard() error {
	for name, in := range a.journal.Installs() {
		if in.Stage.Ended() || in.Unheard || in.Stage.Rank() < provision.Installer.Rank() || in.Stage.Rank() >= provision.Installed.Rank() || a.isImage(in.System) {
			continue
		}
		_, err := a.journal.Update(name, in.ID, func(now provision.Install) (provision.Install, provision.Event, error) {
			now.Unheard = true
			return now, provision.Event{}, nil
		})
		if err != nil && !errors.Is(err, journal.ErrNoArm) {
			return fmt.Errorf("the install of %s: %w", name, err)
		}
	}
	return nil
}

// isImage reports whether a system is known to be an image: it is in the inventory, which
// could be read.
func (a *Appliance) isImage(system string) bool {
	snap := a.holder.Current()
	if snap == nil {
		return false
	}
	s := snap.Systems[system]
	return s != nil && s.Installer == inventory.InstallerImage
}

func (a *Appliance) latest(snap *inventory.Snapshot, mac inventory.MAC) *provision.Install {
	h := snap.HostByMAC(mac)
	if h == nil {
		return nil
	}
	in, ok := a.journal.Current(h.Name)
	if !ok {
		return nil
	}
	return &in
}

func (a *Appliance) budget(h *inventory.Host) provision.Budget {
	return provision.Budget{Attempts: a.cfg.Install.Attempts, Time: h.Budget}
}

// leased returns the address that a MAC was leased, even if the lease has ended: an installer
// may run for longer than a lease and does not renew it. An address that another box has got
// since is only in that box's lease.
func (a *Appliance) leased(ctx context.Context, mac inventory.MAC) (netip.Addr, bool) {
	l, ok := a.lease(ctx, mac)
	addr, err := netip.ParseAddr(l.Address)
	return addr, ok && err == nil
}

// lease returns the latest lease of a MAC.
func (a *Appliance) lease(ctx context.Context, mac inventory.MAC) (provision.Lease, bool) {
	r, err := a.store.Get(ctx, dhcp.LeasePrefix+mac.String())
	var l provision.Lease
	if err == nil {
		err = json.Unmarshal(r.Value, &l)
	}
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			a.Log.Error("reading a lease", "mac", mac.String(), "error", err)
		}
		return provision.Lease{}, false
	}
	return l, true
}
