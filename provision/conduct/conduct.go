// Package conduct acts for an install or job under way: power, the boot device, the
// role's checks, and ends that no report announces.
package conduct

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/catalogs"
	"rackhand/provision/journal"
	"rackhand/provision/power"
	"rackhand/provision/reports"
)

// Options are the options of a conductor.
type Options struct {
	Journal  *journal.Journal
	Power    *power.Controller
	Snapshot func() *inventory.Snapshot // of the inventory in force, never nil
	// Target is where a host's BMC answers. The host may be nil.
	Target func(*inventory.Host) (power.Target, error)
	// Catalog makes a host's catalog and checks, from its role as it is now. With an error,
	// it returns the last one that could be made, or nil.
	Catalog func(*inventory.Host) (*catalogs.Made, error)
	Reports *reports.Archive
	Clock   func() time.Time
	Log     *slog.Logger
}

// A Conductor does what provision.Next says, install by install. It holds no
// state that matters: after a restart Next says the same again.
type Conductor struct {
	Options
	mu      sync.Mutex
	running map[string]bool // install id + action
	wg      sync.WaitGroup
}

// New makes a conductor that does nothing yet.
func New(o Options) *Conductor {
	return &Conductor{Options: o, running: make(map[string]bool)}
}

// Run conducts until ctx ends.
func (c *Conductor) Run(ctx context.Context) error {
	defer c.wg.Wait()
	events, err := c.Journal.Subscribe(ctx, c.Journal.Seq())
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	began := c.Journal.Counted()
	for {
		for _, all := range []map[string]provision.Install{c.Journal.Installs(), c.Journal.Jobs()} {
			for _, in := range all {
				for _, do := range provision.Next(in.ListeningSince(began), c.Journal.Counted()) {
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

// start does an action in the background, unless it is being done already.
func (c *Conductor) start(ctx context.Context, in provision.Install, do provision.Action) {
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
			wait(ctx, 5*time.Second) // without a record, don't retry in a tight loop
		}
	})
}

func (c *Conductor) act(ctx context.Context, in provision.Install, do provision.Action) error {
	h := c.Snapshot().Hosts[in.Host]
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
		}, func(now *provision.Install) { now.HintedAt = in.Stage })
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
func (c *Conductor) tell(in provision.Install, e provision.Event, mark func(*provision.Install)) error {
	_, err := c.Journal.Update(in.Host, in.ID, func(now provision.Install) (provision.Install, provision.Event, error) {
		if mark != nil {
			mark(&now)
		}
		return now, e, nil
	})
	return err
}

func (c *Conductor) powerOn(ctx context.Context, in provision.Install, h *inventory.Host) error {
	failed := func(err error) error {
		return c.tell(in, provision.Event{
			Source: "bmc", Kind: "power-failed", Level: provision.LevelError,
			Message: "the box was not powered on: " + err.Error() + "; press its button, it is still armed",
		}, func(in *provision.Install) { in.Power = provision.PowerFailed })
	}
	t, err := c.Target(h)
	if err != nil {
		return failed(err)
	}
	seen, err := c.Power.PXEOnce(ctx, t)
	if ctx.Err() != nil {
		return ctx.Err() // the appliance stops: the next one does it again
	}
	if err != nil {
		return failed(err)
	}
	return c.tell(in, provision.Event{
		Source: "bmc", Kind: "powered-on", Stage: provision.Powered,
		Message: fmt.Sprintf("network boot set (the BMC read back: %s), then power %s; the BMC says: %s", seen.Boot, seen.Action, seen.Status.State()),
		Fields:  map[string]string{"power": "on"},
	}, func(in *provision.Install) { in.Power = provision.PowerDone })
}

func (c *Conductor) bootDisk(ctx context.Context, in provision.Install, h *inventory.Host) error {
	done := func(in *provision.Install) { in.DiskSet = true }
	if h == nil || h.BMC == nil {
		return c.tell(in, provision.Event{}, done)
	}
	t, err := c.Target(h)
	if err == nil {
		var seen power.Boot
		if seen, err = c.Power.SetBoot(ctx, t, power.Disk, power.BootOptions{Persistent: true}); err == nil {
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
func (c *Conductor) revive(ctx context.Context, in provision.Install, h *inventory.Host) error {
	done := func(in *provision.Install) { in.Revived = true }
	say := func(text string) error {
		return c.tell(in, provision.Event{
			Source: "bmc", Kind: "revive", Level: provision.LevelWarn,
			Message: "the system is installed, and the box has not come up since: " + text,
		}, done)
	}
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
	t, err := c.Target(h)
	if err != nil {
		return say("it was not power-cycled: " + err.Error())
	}
	st, err := c.Power.Cycle(ctx, t)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return say("it was not power-cycled: " + err.Error() + "; look at its console")
	}
	return say("power cycle; the BMC says: " + st.State())
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
