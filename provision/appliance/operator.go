package appliance

import (
	"context"
	"errors"
	"fmt"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/power"
	"rackhand/provision/web"
)

// Install arms a host, and boots it from the network when power is asked for and
// it has a BMC.
func (a *Appliance) Install(_ context.Context, host string, wipe, powerOn bool) (provision.Install, error) {
	h, err := a.host(host)
	if err != nil {
		return provision.Install{}, err
	}
	if h.Install == inventory.Never {
		return provision.Install{}, fmt.Errorf("%s is never installed: the inventory says `install: never` of it", host)
	}
	if h.System == nil {
		return provision.Install{}, fmt.Errorf("%s has no system to install: give it, its group or the defaults a `system:`", host)
	}
	// What could not be handed out is not armed: a host in service would be cycled
	// for nothing.
	if err := a.web.Ready(h); err != nil {
		return provision.Install{}, err
	}
	r := journal.Request{
		Host: host, MACs: h.MACTexts(), System: h.System.Name, Wipe: wipe,
		Budget: a.budget(h), Expires: a.cfg.Install.Expires, Source: "operator",
		Why: "the operator asked for an install of " + h.System.Name,
	}
	if wipe {
		r.Why += ", and that its disks be wiped"
	}
	if powerOn && h.BMC != nil {
		r.Power = provision.PowerWanted
	}
	in, err := a.journal.Arm(r)
	return a.journal.Shown(in), err
}

// Cancel ends the install or job under way.
func (a *Appliance) Cancel(_ context.Context, host string) error {
	_, err := a.journal.Update(host, "", func(in provision.Install) (provision.Install, provision.Event, error) {
		return in, provision.Event{Source: "operator", Kind: "cancelled", Stage: provision.Cancelled, Message: "the operator cancelled the " + in.Noun()}, nil
	})
	if errors.Is(err, journal.ErrNoArm) {
		return fmt.Errorf("%s: %w, and no job: there is nothing to cancel", host, err)
	}
	return err
}

// Release lets the attempt go on that waits for the operator.
func (a *Appliance) Release(_ context.Context, host string) (provision.Install, error) {
	if _, err := a.host(host); err != nil {
		return provision.Install{}, err
	}
	in, err := a.journal.Update(host, "", func(in provision.Install) (provision.Install, provision.Event, error) {
		if in.Held == nil {
			return in, provision.Event{}, fmt.Errorf("%s: %w: a host with `answer: confirm` waits from when its box asks for its boot script", host, web.ErrNotHeld)
		}
		e := provision.Event{Source: "operator", Kind: "released", Message: fmt.Sprintf("the operator has released attempt %d, for the box with %s", in.Held.Attempt, in.Held)}
		return in.Release(a.journal.Counted()), e, nil
	})
	if errors.Is(err, journal.ErrNoArm) {
		return in, fmt.Errorf("%s: %w, so there is nothing to release: `rackhand install %s` arms one", host, err, host)
	}
	return a.journal.Shown(in), err
}

// Power does on, off, cycle, reset or status and says what was seen.
func (a *Appliance) Power(ctx context.Context, host, action string) (string, error) {
	h, err := a.host(host)
	if err != nil {
		return "", err
	}
	t, err := a.target(h)
	if err != nil {
		return "", fmt.Errorf("%s: %w", host, err)
	}
	do := map[string]func(context.Context, power.Target) (power.Status, error){
		"on": a.power.On, "off": a.power.Off, "cycle": a.power.Cycle, "reset": a.power.Reset, "status": a.power.Status,
	}[action]
	if do == nil {
		return "", fmt.Errorf("power %q: on, off, cycle, reset or status is wanted", action)
	}
	st, err := do(ctx, t)
	if err != nil {
		return "", fmt.Errorf("%s: %w", host, err)
	}
	seen := st.State()
	if action != "status" {
		err = a.journal.Record(provision.Event{
			Host: host, Source: "bmc", Kind: "power-" + action,
			Message: fmt.Sprintf("the operator asked for power %s; the BMC says: %s", action, seen),
			Fields:  map[string]string{"power": seen},
		})
	}
	return seen, err
}

// target is where a host's BMC answers.
func (a *Appliance) target(h *inventory.Host) (power.Target, error) {
	if h == nil || h.BMC == nil {
		return power.Target{}, errors.New("it has no BMC in the inventory")
	}
	t := power.Target{Address: h.BMC.Address, User: h.BMC.User, EFI: a.journal.Hosts()[h.Name].EFI}
	if h.BMC.Password != "" {
		var err error
		if t.Password, err = a.secrets.Get(string(h.BMC.Password)); err != nil {
			return t, fmt.Errorf("the BMC's password: %w", err)
		}
	}
	return t, nil
}

func (a *Appliance) host(name string) (*inventory.Host, error) {
	h := a.holder.Current().Hosts[name]
	if h == nil {
		return nil, fmt.Errorf("%s: %w", name, web.ErrNoHost)
	}
	return h, nil
}

// Status is the whole picture.
func (a *Appliance) Status(ctx context.Context) (web.Status, error) {
	if a.holder == nil {
		return web.Status{}, errors.New("no inventory")
	}
	hosts := Statuses(a.holder.Current(), shown(a.journal, a.journal.Installs()), shown(a.journal, a.journal.Jobs()), a.journal.SeenHosts())
	if err := a.addCertificates(ctx, hosts); err != nil {
		return web.Status{}, err
	}
	return web.Status{
		Hosts:    hosts,
		Problems: a.problems(), CAExpires: a.ca.Expires(), Seq: a.journal.Seq(), Database: a.keeper.Stats(),
	}, nil
}
