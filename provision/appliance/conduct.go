package appliance

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/journal"
	"rackhand/provision/power"
)

// A conductor does what provision.Next says, install by install. It holds no
// state that matters: after a restart Next says the same again.
type conductor struct {
	*Appliance
	mu      sync.Mutex
	running map[string]bool // install id + action
	wg      sync.WaitGroup
}

func newConductor(a *Appliance) *conductor {
	return &conductor{Appliance: a, running: make(map[string]bool)}
}

// Run conducts until ctx ends.
func (c *conductor) Run(ctx context.Context) error {
	defer c.wg.Wait()
	events, err := c.journal.Subscribe(ctx, c.journal.Seq())
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	began := c.journal.Counted()
	for {
		for _, all := range []map[string]provision.Install{c.journal.Installs(), c.journal.Jobs()} {
			for _, in := range all {
				for _, do := range provision.Next(in.ListeningSince(began), c.journal.Counted()) {
					c.start(ctx, in, do)
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case _, ok := <-events:
			if !ok {
				events = nil // the tick alone goes on
			}
		}
	}
}

// certificates revokes those of systems that no longer speak for their hosts, when the
// inventory or an install has changed, until ctx ends.
func (a *Appliance) certificates(ctx context.Context) error {
	for ctx.Err() == nil {
		events, err := a.journal.Subscribe(ctx, a.journal.Seq())
		if err != nil {
			return err
		}
		for again := true; again; {
			if err := a.sweepCertificates(ctx); err != nil && ctx.Err() == nil {
				a.Log.Error("revoking certificates", "error", err)
				wait(ctx, 5*time.Second)
			}
			again = awaitChange(ctx, events)
		}
	}
	return nil
}

// awaitChange waits for an event that may have changed whose system speaks for a host, or
// for a minute; false when the events have ended.
func awaitChange(ctx context.Context, events <-chan provision.Event) bool {
	minute := time.NewTimer(time.Minute)
	defer minute.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok || e.Stage != "" || e.Source == "inventory" {
				return ok
			}
		case <-minute.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

func (a *Appliance) sweepCertificates(ctx context.Context) error {
	if len(a.holder.Problems()) > 0 {
		return nil // nobody knows which hosts are still in the inventory
	}
	return a.web.SweepCertificates(ctx)
}

// start does an action in the background, unless it is being done already.
func (c *conductor) start(ctx context.Context, in provision.Install, do provision.Action) {
	key := in.ID + " " + string(do)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running[key] {
		return
	}
	c.running[key] = true
	c.wg.Go(func() {
		defer func() {
			c.mu.Lock()
			delete(c.running, key)
			c.mu.Unlock()
		}()
		if err := c.act(ctx, in, do); err != nil && ctx.Err() == nil && !errors.Is(err, journal.ErrNoArm) {
			c.Log.Error("conducting an install", "install", in.ID, "action", string(do), "error", err)
			wait(ctx, 5*time.Second) // what cannot be recorded is not tried in a tight loop
		}
	})
}

func (c *conductor) act(ctx context.Context, in provision.Install, do provision.Action) error {
	h := c.holder.Current().Hosts[in.Host]
	switch do {
	case provision.DoPowerOn:
		return c.powerOn(ctx, in, h)
	case provision.DoBootDisk:
		return c.bootDisk(ctx, in, h)
	case provision.DoCheck:
		return c.check(ctx, in)
	case provision.DoExpire:
		message := "the box came for no " + in.Noun() + " before the arming expired: look at the box's power, cabling and boot order"
		if h != nil && h.Install == inventory.FirstBoot && in.First && in.Attempts == 0 {
			message += "; its next network boot arms it again"
		}
		return c.tell(in, provision.Event{
			Source: "appliance", Kind: "expired", Stage: provision.Failed, Level: provision.LevelError, Message: message,
		}, nil)
	case provision.DoGiveUp:
		return c.tell(in, provision.Event{
			Source: "appliance", Kind: "given-up", Stage: provision.Failed, Level: provision.LevelError,
			Message: fmt.Sprintf("nothing was heard of it for %s, at %s: look at its console", provision.Silence, in.Stage),
		}, nil)
	case provision.DoLate:
		return c.tell(in, provision.Event{
			Source: "appliance", Kind: "late", Level: provision.LevelWarn,
			Message: fmt.Sprintf("the time budget of %s has passed; it is at %s", in.Budget.Time, in.Stage),
		}, func(in *provision.Install) { in.Late = true })
	case provision.DoRevive:
		return c.revive(ctx, in, h)
	case provision.DoHint:
		return c.tell(in, provision.Event{
			Source: "appliance", Kind: "stalled", Level: provision.LevelWarn, Message: hint(in.Stage),
		}, func(now *provision.Install) { now.Hinted = in.Stage })
	}
	return fmt.Errorf("unknown action %q", do)
}

// hint says where to look when a box has stopped at a stage.
func hint(at provision.Stage) string {
	if at == provision.Powered {
		return "the box was powered on, and no DHCP request of it was seen since: some BMCs accept a boot device and then ignore it; look at its console, boot order and cable, and whether its MAC in the inventory is that of the port it boots from"
	}
	return "the box has its address and fetched nothing since: a switch port that waits 30 s before it forwards (set portfast, or edge), another server that answers its boot request, or a firewall before port 69 and 80; `rackhand doctor` looks for the last two"
}

// tell records an event and marks the install in one write.
func (c *conductor) tell(in provision.Install, e provision.Event, mark func(*provision.Install)) error {
	_, err := c.journal.Update(in.Host, in.ID, func(now provision.Install) (provision.Install, provision.Event, error) {
		if mark != nil {
			mark(&now)
		}
		return now, e, nil
	})
	return err
}

func (c *conductor) powerOn(ctx context.Context, in provision.Install, h *inventory.Host) error {
	failed := func(err error) error {
		return c.tell(in, provision.Event{
			Source: "bmc", Kind: "power-failed", Level: provision.LevelError,
			Message: "the box was not powered on: " + err.Error() + "; press its button, it is still armed",
		}, func(in *provision.Install) { in.Power = provision.PowerFailed })
	}
	t, err := c.target(h)
	if err != nil {
		return failed(err)
	}
	seen, err := c.power.PXEOnce(ctx, t)
	if ctx.Err() != nil {
		return ctx.Err() // the appliance stops: the next one does it again
	}
	if err != nil {
		return failed(err)
	}
	return c.tell(in, provision.Event{
		Source: "bmc", Kind: "powered-on", Stage: provision.Powered,
		Message: fmt.Sprintf("network boot set (the BMC read back: %s), then power %s; the BMC says: %s", seen.Boot, seen.Action, onOff(seen.Status.On)),
		Fields:  map[string]string{"power": "on"},
	}, func(in *provision.Install) { in.Power = provision.PowerDone })
}

func (c *conductor) bootDisk(ctx context.Context, in provision.Install, h *inventory.Host) error {
	done := func(in *provision.Install) { in.DiskSet = true }
	if h == nil || h.BMC == nil {
		return c.tell(in, provision.Event{}, done)
	}
	t, err := c.target(h)
	if err == nil {
		var seen power.Boot
		if seen, err = c.power.SetBoot(ctx, t, power.Disk, power.BootOptions{Persistent: true}); err == nil {
			return c.tell(in, provision.Event{
				Source: "bmc", Kind: "boot-disk",
				Message: "the next boots are from disk; the BMC read back: " + seen.String(),
			}, done)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.tell(in, provision.Event{
		Source: "bmc", Kind: "boot-disk-failed", Level: provision.LevelWarn,
		Message: "the boot device was not set to disk: " + err.Error() + "; nothing is armed, so a network boot falls through to the disk",
	}, done)
}

// revive power-cycles a box that was installed and did not come up since. Nothing on
// its disk is under way: the installer has unmounted it before it said that it is
// done, and the next boot is from disk.
func (c *conductor) revive(ctx context.Context, in provision.Install, h *inventory.Host) error {
	done := func(in *provision.Install) { in.Revived = true }
	say := func(text string) error {
		return c.tell(in, provision.Event{
			Source: "bmc", Kind: "revive", Level: provision.LevelWarn,
			Message: "the system is installed, and the box has not come up since: " + text,
		}, done)
	}
	if now, ok := c.journal.Install(in.Host); !ok || now.ID != in.ID || now.Stage != provision.Installed {
		return nil // it has come up, or was cancelled, in this moment
	} else if now.Stirred {
		// It may run, with a system that has no agent of ours: then cutting its power
		// is the last thing that it needs.
		return say("it was heard since its installer was done, so it does not hang and was not power-cycled, but no agent of it has spoken; look at its console")
	}
	if h == nil || h.BMC == nil {
		return say("it has no BMC; look at its console, or switch it off and on")
	}
	t, err := c.target(h)
	if err != nil {
		return say("it was not power-cycled: " + err.Error())
	}
	st, err := c.power.Cycle(ctx, t)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return say("it was not power-cycled: " + err.Error() + "; look at its console")
	}
	return say("power cycle; the BMC says: " + onOff(st.On))
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

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
