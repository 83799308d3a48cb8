package appliance

import (
	"context"
	"errors"
	"fmt"

	"rackhand/inventory"
	"rackhand/provision/power"
)

// bmc does on, off, cycle, reset or status at a host's BMC, and returns the state that it
// reports then.
func (a *Appliance) bmc(ctx context.Context, h *inventory.Host, action string) (string, error) {
	t, err := a.target(h)
	if err != nil {
		return "", fmt.Errorf("%s: %w", h.Name, err)
	}
	do := map[string]func(context.Context, power.Target) (power.Status, error){
		"on": a.power.On, "off": a.power.Off, "cycle": a.power.Cycle, "reset": a.power.Reset, "status": a.power.Status,
	}[action]
	if do == nil {
		return "", fmt.Errorf("power %q: on, off, cycle, reset or status is wanted", action)
	}
	st, err := do(ctx, t)
	if err != nil {
		return "", fmt.Errorf("%s: %w", h.Name, err)
	}
	return st.State(), nil
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
