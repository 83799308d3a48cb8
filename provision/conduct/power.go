package conduct

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/power"
)

// A command is something asked of a BMC for an install. Each is an event before it is sent,
// and another one after it, also when it failed.
type command struct {
	c    *Conductor
	in   provision.Install
	name string // in the field command
}

// sent records that a command is about to be sent. what ends "the BMC is asked".
func (m command) sent(t bmc.Target, what string) error {
	return m.c.tell(m.in, provision.Event{Source: "bmc", Kind: "command", Message: "the BMC is asked " + what, Fields: m.fields(t, nil)}, nil)
}

// fields are those of an event about the command, with more.
func (m command) fields(t bmc.Target, more map[string]string) map[string]string {
	f := map[string]string{"command": m.name}
	if t.Address.IsValid() && m.c.Power != nil {
		if p := m.c.Power.Protocol(t); p != "" {
			f["protocol"] = string(p)
		}
	}
	maps.Copy(f, more)
	return f
}

// why are the fields of a command that failed.
func (m command) why(t bmc.Target, err error) map[string]string {
	return m.fields(t, map[string]string{"why": bmc.Why(err)})
}

// bootFields are an override as fields: boot (the device), valid, persistent, efi (unless the
// BMC keeps no mode), lost.
func bootFields(b bmc.Boot) map[string]string {
	f := map[string]string{"boot": string(b.Device), "valid": strconv.FormatBool(b.Valid), "persistent": strconv.FormatBool(b.Persistent)}
	if !b.NoMode {
		f["efi"] = strconv.FormatBool(b.EFI)
	}
	if b.Lost != "" {
		f["lost"] = b.Lost
	}
	return f
}

func (c *Conductor) powerOn(ctx context.Context, in provision.Install, h *inventory.Host) error {
	m := command{c, in, "network-boot"}
	failed := func(t bmc.Target, err error) error {
		return c.tell(in, provision.Event{
			Source: "bmc", Kind: "power-failed", Level: provision.LevelError,
			Message: "the box was not powered on: " + err.Error() + "; press its button, it is still armed",
			Fields:  m.why(t, err),
		}, func(in *provision.Install) { in.Power = provision.PowerFailed })
	}
	t, err := c.Target(h)
	if err != nil {
		return failed(t, err)
	}
	if err := m.sent(t, "to boot from the network once, and for power off and on"); err != nil {
		return err
	}
	seen, err := c.Power.PXEOnce(ctx, t)
	if ctx.Err() != nil {
		return ctx.Err() // the appliance stops: the next one does it again
	}
	if err != nil {
		return failed(t, err)
	}
	fields := m.fields(t, bootFields(seen.Boot))
	fields["power"] = "on"
	return c.tell(in, provision.Event{
		Source: "bmc", Kind: "powered-on", Stage: provision.Powered,
		Message: fmt.Sprintf("network boot set (the BMC read back: %s), then power %s; the BMC says: %s", seen.Boot, seen.Action, seen.Status.State()),
		Fields:  fields,
	}, func(in *provision.Install) { in.Power = provision.PowerDone })
}

func (c *Conductor) bootDisk(ctx context.Context, in provision.Install, h *inventory.Host) error {
	done := func(in *provision.Install) { in.DiskSet = true }
	if h == nil || h.BMC == nil {
		return c.tell(in, provision.Event{}, done)
	}
	m := command{c, in, "boot-disk"}
	t, err := c.Target(h)
	if err == nil {
		if err := m.sent(t, "to boot from disk from now on"); err != nil {
			return err
		}
		var seen bmc.Boot
		if seen, err = c.Power.SetBoot(ctx, t, bmc.Disk, power.BootOptions{Persistent: true}); err == nil {
			return c.tell(in, provision.Event{
				Source: "bmc", Kind: "boot-disk",
				Message: "the next boots are from disk; the BMC read back: " + seen.String(),
				Fields:  m.fields(t, bootFields(seen)),
			}, done)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.tell(in, provision.Event{
		Source: "bmc", Kind: "boot-disk-failed", Level: provision.LevelWarn,
		Message: "the boot device was not set to disk: " + err.Error() + "; nothing is armed, so a network boot falls through to the disk",
		Fields:  m.why(t, err),
	}, done)
}

// revive power-cycles a box that was installed and did not come up since. Nothing on
// its disk is under way: the installer has unmounted it before it said that it is
// done, and the next boot is from disk.
func (c *Conductor) revive(ctx context.Context, in provision.Install, h *inventory.Host) error {
	tell := func(text string, fields map[string]string) error {
		return c.tell(in, provision.Event{
			Source: "bmc", Kind: "revive", Level: provision.LevelWarn,
			Message: "the system is installed, and the box has not come up since: " + text, Fields: fields,
		}, func(in *provision.Install) { in.Revived = true })
	}
	say := func(text string) error { return tell(text, nil) }
	if now, ok := c.Journal.Install(in.Host); !ok || now.ID != in.ID || now.Stage != provision.Installed {
		return nil // it has come up, or was cancelled, in this moment
	} else if now.HeardSinceInstalled {
		// It may run, with a system that has no agent of ours: then cutting its power
		// is the last thing that it needs.
		return say("it was heard since its installer was done, so it does not hang and was not power-cycled, but no agent of it has spoken; look at its console")
	}
	if h == nil || h.BMC == nil {
		return say("it has no BMC; look at its console, or switch it off and on")
	}
	m := command{c, in, "cycle"}
	t, err := c.Target(h)
	if err != nil {
		return tell("it was not power-cycled: "+err.Error(), m.why(t, err))
	}
	if err := m.sent(t, "for a power cycle: the installed system has not come up"); err != nil {
		return err
	}
	st, err := c.Power.Cycle(ctx, t)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return tell("it was not power-cycled: "+err.Error()+"; look at its console", m.why(t, err))
	}
	return tell("power cycle; the BMC says: "+st.State(), m.fields(t, map[string]string{"power": "on"}))
}
