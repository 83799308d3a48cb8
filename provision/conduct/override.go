package conduct

import (
	"context"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
)

// readOverride reads the boot override of a box that was powered on for its install and came
// with a plain client, not with its firmware. What the BMC says then tells a firmware that
// ignores an override from a BMC that lost it. It is asked once for each power-on.
func (c *Conductor) readOverride(ctx context.Context, e provision.Event) {
	if e.Source != "dhcp" || e.Kind != "ack" && e.Kind != "observed" || e.Fields["client"] != "other" {
		return
	}
	in, ok := c.Journal.Install(e.Host)
	if !ok || in.ID != e.Install {
		in, ok = c.Journal.Job(e.Host)
	}
	if !ok || in.ID != e.Install || in.Power != provision.PowerDone || in.Stage != provision.Powered {
		return
	}
	h := c.Snapshot().Hosts[e.Host]
	if h == nil || h.BMC == nil || !c.first(in.ID+" override") {
		return
	}
	c.wg.Go(func() {
		if err := c.tellOverride(ctx, in, h); err != nil && ctx.Err() == nil {
			c.Log.Warn("recording a boot override", "install", in.ID, "error", err)
		}
	})
}

// tellOverride records what the BMC says of its override.
func (c *Conductor) tellOverride(ctx context.Context, in provision.Install, h *inventory.Host) error {
	m := command{c, in, "read-boot"}
	t, err := c.Target(h)
	var seen bmc.Boot
	if err == nil {
		seen, err = c.Power.GetBoot(ctx, t)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := provision.Event{Source: "bmc", Kind: "boot-override", Message: "the box came without a network boot; the BMC's boot override is now: " + seen.String(), Fields: m.fields(t, bootFields(seen))}
	if err != nil {
		e.Message, e.Fields = "the box came without a network boot, and its boot override can't be read: "+err.Error(), m.why(t, err)
	}
	return c.tell(in, e, nil)
}

// first reports whether something is done for the first time in this process.
func (c *Conductor) first(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.once[key] {
		return false
	}
	if len(c.once) >= 4096 {
		clear(c.once)
	}
	c.once[key] = true
	return true
}
