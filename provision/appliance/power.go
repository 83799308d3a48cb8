package appliance

import (
	"context"
	"fmt"
	"time"

	"rackhand/inventory"
	"rackhand/provision/bmc"
	"rackhand/provision/power"
)

// bmc does on, off, cycle, reset or status at a host's BMC, and returns the state that it
// reports then.
func (a *Appliance) bmc(ctx context.Context, h *inventory.Host, action string) (string, error) {
	t, err := a.target(h)
	if err != nil {
		return "", err
	}
	do := map[string]func(context.Context, bmc.Target) (bmc.Status, error){
		"on": a.power.On, "off": a.power.Off, "cycle": a.power.Cycle, "reset": a.power.Reset, "status": a.power.Status,
	}[action]
	if do == nil {
		return "", fmt.Errorf("power %q: on, off, cycle, reset or status is wanted", action)
	}
	st, err := do(ctx, t)
	if err != nil {
		return "", err
	}
	return st.State(), nil
}

// target is where a host's BMC answers.
func (a *Appliance) target(h *inventory.Host) (bmc.Target, error) {
	if h == nil || h.BMC == nil {
		return bmc.Target{}, bmc.ErrNoBMC
	}
	b := h.BMC
	t := bmc.Target{
		Host: h.Name, Address: b.Address, User: b.User, EFI: a.journal.Hosts()[h.Name].EFI,
		Protocol: bmc.Protocol(b.Protocol), Privilege: bmc.Privilege(b.Privilege), Settle: b.Settle,
		System: b.System, Fingerprint: b.Fingerprint, CA: b.CA, OldTLS: b.OldTLS,
	}
	t.Given = func(m bmc.Memory) []bmc.AppliedQuirk { return bmc.OfInventory(m, b.Vendors, b.Quirks, nil) }
	if len(h.MACs) > 0 {
		t.Box = h.MACs[0]
	}
	if h.BMC.Password != "" {
		var err error
		if t.Password, err = a.secrets.Get(string(h.BMC.Password)); err != nil {
			return t, fmt.Errorf("%w: %w", bmc.ErrPassword, err)
		}
	}
	return t, nil
}

// bmcMemory is what is remembered of a host's BMC.
func (a *Appliance) bmcMemory(ctx context.Context, h *inventory.Host) (bmc.Memory, error) {
	return a.power.Memory(ctx, h.BMC.Address)
}

// hostBMCs reaches the BMCs of the inventory's hosts.
type hostBMCs struct{ a *Appliance }

func (b hostBMCs) With(ctx context.Context, h *inventory.Host, op string, need bmc.Privilege, f func(context.Context, bmc.Session) error) error {
	t, err := b.a.target(h)
	if err != nil {
		return err
	}
	return b.a.power.With(ctx, op, t, need, f)
}

func (b hostBMCs) SetBoot(ctx context.Context, h *inventory.Host, r bmc.BootRequest) (bmc.Boot, error) {
	t, err := b.a.target(h)
	if err != nil {
		return bmc.Boot{}, err
	}
	return b.a.power.SetBoot(ctx, t, r.Device, power.BootOptions{Persistent: r.Persistent})
}

func (b hostBMCs) SoftOff(ctx context.Context, h *inventory.Host, limit time.Duration, hard bool) (bmc.Status, bool, error) {
	t, err := b.a.target(h)
	if err != nil {
		return bmc.Status{}, false, err
	}
	return b.a.power.SoftOff(ctx, t, limit, hard)
}

func (b hostBMCs) NMI(ctx context.Context, h *inventory.Host) (bmc.Status, error) {
	t, err := b.a.target(h)
	if err != nil {
		return bmc.Status{}, err
	}
	return b.a.power.NMI(ctx, t)
}

func (b hostBMCs) Protocol(h *inventory.Host) bmc.Protocol {
	return b.a.power.Protocol(bmc.Target{Address: h.BMC.Address, Protocol: bmc.Protocol(h.BMC.Protocol)})
}
