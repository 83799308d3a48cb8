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
	"rackhand/provision/bmc"
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
	Target func(*inventory.Host) (bmc.Target, error)
	// Catalog makes a host's catalog and checks, from its role as it is now. With an error,
	// it returns the last one that could be made, or nil.
	Catalog func(*inventory.Host) (*catalogs.Made, error)
	Reports *reports.Archive
	// Logs are the logs of installers; nil: their ends are not kept.
	Logs Logs
	// Console is the end of a host's serial console, as it was logged, without secrets; "" when
	// nothing is known of it. nil: none is logged.
	Console func(host string) string
	Clock   func() time.Time
	Log     *slog.Logger
}

// A Conductor does what provision.Next says, install by install. It holds no
// state that matters: after a restart Next says the same again.
type Conductor struct {
	Options
	mu      sync.Mutex
	running map[string]bool // install id + action
	once    map[string]bool // what is done once, see first
	// bootLogs are the BMCs' event logs that are followed; of memory alone.
	bootLogs bootLogs
	wg       sync.WaitGroup
}

// New makes a conductor that does nothing yet.
func New(o Options) *Conductor {
	return &Conductor{Options: o, running: make(map[string]bool), once: make(map[string]bool), bootLogs: bootLogs{}}
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
	began, logs := c.Journal.Counted(), tails{}
	for {
		if c.Logs != nil {
			c.keepTails(logs, c.Journal.Counted())
		}
		c.followBootLogs(ctx, c.Journal.Installs())
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
		case e, ok := <-events:
			if !ok {
				events = nil // the tick alone goes on
				continue
			}
			c.readOverride(ctx, e)
			c.keepConsole(e)
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
		message := "the arming expired before the box came for its " + in.Noun()
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
			Message: fmt.Sprintf("the time budget of %s has passed; it is at %s", provision.Span(in.Budget.Time), in.Stage),
		}, func(in *provision.Install) { in.Late = true })
	case provision.DoRevive:
		return c.revive(ctx, in, h)
	}
	return fmt.Errorf("unknown action %q", do)
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

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
