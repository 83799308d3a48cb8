// Package operate carries out what the operator asks for, on the command line or over the
// appliance's socket: it checks a request against the inventory and records it in the
// journal. The conductor (package conduct) and the host's own boot then do the work. It
// opens no port, and reaches BMCs and the mirror cache through functions.
package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/console"
	"rackhand/provision/diagnosis"
	"rackhand/provision/handout"
	"rackhand/provision/journal"
	"rackhand/provision/orders"
	"rackhand/provision/pki"
	"rackhand/templates"
)

// An Operator carries out the operator's requests.
type Operator struct {
	Journal   *journal.Journal
	Authority *pki.Authority // nil: the status shows no certificates
	Snapshot  func() *inventory.Snapshot
	Handout   *handout.Maker
	Appliance templates.Appliance // how hosts reach it
	Settings  config.Install
	Secret    func(name string) (string, error)
	// BMC carries out a power action and returns the state that the BMC reports then.
	BMC func(ctx context.Context, h *inventory.Host, action string) (seen string, err error)
	// Scan searches a network for BMCs.
	Scan func(ctx context.Context, r provision.ScanRequest, each func(provision.FoundBMC)) error
	// BMCs reaches the BMCs of hosts for everything else.
	BMCs BMCs
	// Memory is what is remembered of a host's BMC; nil: nothing is.
	Memory func(ctx context.Context, h *inventory.Host) (bmc.Memory, error)
	// Consoles are the serial consoles of hosts.
	Consoles *console.Hub
	// Polled are the states of BMCs by host, as they were polled; nil: none are.
	Polled func() map[string]provision.BMCState
	// Audit asks BMCs what is wrong with them, and changes nothing on them.
	Audit func(context.Context, provision.AuditRequest) (provision.Audit, error)
	// Fetch brings into the mirror cache the packages that hosts of a system will ask for.
	Fetch func(ctx context.Context, s *inventory.System, hosts []*inventory.Host) (provision.Prefetched, error)
	// MirrorList lists the files that the mirror cache keeps at a place: NAME/PATH, a folder
	// with a slash at its end, or "" for everything.
	MirrorList func(ctx context.Context, at string) ([]provision.MirrorFile, error)
	// Forget removes the files that the mirror cache keeps at a place.
	Forget func(at string) (provision.MirrorForgotten, error)
	// Problems returns the problems of the inventory and of links, as formatted text.
	Problems func() []string
	Database func() provision.DatabaseStats
	// Runs are the latest reports of agents, by host.
	Runs func() map[string]provision.LastRun

	// Diagnosis says why hosts are stuck; nil: the status says nothing of it.
	Diagnosis *diagnosis.Book

	Orders *orders.Keeper
	Now    func() time.Time

	scanning sync.Mutex // while a search for BMCs runs
}

// Install arms a host, and boots it from the network when the request says so and the host
// has a BMC.
func (o *Operator) Install(_ context.Context, host string, r provision.InstallRequest) (provision.Install, error) {
	h, err := o.host(host)
	if err != nil {
		return provision.Install{}, err
	}
	if h.Install == inventory.Never {
		return provision.Install{}, fmt.Errorf("%s is never installed: the inventory says `install: never` of it", host)
	}
	if h.System == nil {
		return provision.Install{}, fmt.Errorf("%s has no system to install: give it, its group or the defaults a `system:`", host)
	}
	// A host that can't have its installer is not armed: otherwise a host in service would be
	// power-cycled in vain.
	if err := o.Handout.Ready(h, o.Appliance); err != nil {
		return provision.Install{}, err
	}
	q := journal.Request{
		Host: host, MACs: h.MACTexts(), System: h.System.Name, Wipe: r.Wipe,
		Budget: provision.Budget{Attempts: o.Settings.Attempts, Time: h.Budget}, Expires: o.Settings.Expires, Source: "operator",
		Why: "the operator asked for an install of " + h.System.Name,
	}
	if r.Wipe {
		q.Why += ", and that its disks be wiped"
	}
	if r.Power && h.BMC != nil {
		q.Power = provision.PowerWanted
	}
	in, err := o.Journal.Arm(q)
	return o.Journal.Shown(in), err
}

// Cancel ends the install or job under way.
func (o *Operator) Cancel(_ context.Context, host string) error {
	_, err := o.Journal.Update(host, "", func(in provision.Install) (provision.Install, provision.Event, error) {
		return in, provision.Event{Source: "operator", Kind: "cancelled", Stage: provision.Cancelled, Message: "the operator cancelled the " + in.Noun()}, nil
	})
	if errors.Is(err, journal.ErrNoArm) {
		return fmt.Errorf("%s: %w, and no job: there is nothing to cancel", host, err)
	}
	return err
}

// Release continues the attempt that waits for the operator (`answer: confirm`). The error
// wraps provision.ErrNotHeld if no attempt waits.
func (o *Operator) Release(_ context.Context, host string) (provision.Install, error) {
	if _, err := o.host(host); err != nil {
		return provision.Install{}, err
	}
	in, err := o.Journal.Update(host, "", func(in provision.Install) (provision.Install, provision.Event, error) {
		if in.Held == nil {
			return in, provision.Event{}, fmt.Errorf("%s: %w: a host with `answer: confirm` waits from when its box asks for its boot script", host, provision.ErrNotHeld)
		}
		e := provision.Event{Source: "operator", Kind: "released", Message: fmt.Sprintf("the operator has released attempt %d, for the box with %s", in.Held.Attempt, in.Held)}
		return in.Release(o.Journal.Counted()), e, nil
	})
	if errors.Is(err, journal.ErrNoArm) {
		return in, fmt.Errorf("%s: %w, so there is nothing to release: `rackhand install %s` arms one", host, err, host)
	}
	return o.Journal.Shown(in), err
}

// Power carries out on, off, cycle, reset or status, and returns the state that the BMC
// reports. A command that has begun is carried out, also when nobody waits for its result any
// more: half of a cycle would leave the box off.
func (o *Operator) Power(ctx context.Context, host, action string) (seen string, err error) {
	h, err := o.host(host)
	if err != nil {
		return "", err
	}
	if action == "status" {
		if seen, err = o.BMC(ctx, h, action); err != nil {
			err = fmt.Errorf("%s: %w", host, err)
		}
		return seen, err
	}
	if h, err = o.hostWithBMC(host); err == nil && powers[action] == "" {
		err = fmt.Errorf("power %q: on, off, cycle, reset or status is wanted", action)
	}
	if err != nil {
		return "", err
	}
	err = o.announced(h, action, "command", "power-"+action, powers[action], func(h *inventory.Host) (map[string]string, error) {
		seen, err = o.BMC(context.WithoutCancel(ctx), h, action)
		return map[string]string{"power": seen}, err
	})
	return seen, err
}

// powers are the actions of Power in words.
var powers = map[string]string{"on": "switch the power on", "off": "switch the power off", "cycle": "power-cycle the box", "reset": "reset the box"}

func (o *Operator) host(name string) (*inventory.Host, error) {
	h := o.Snapshot().Hosts[name]
	if h == nil {
		return nil, provision.NoHost(name, o.Snapshot().HostNames())
	}
	return h, nil
}

// Cards returns the hardware addresses of a host and of its BMC. A box that isn't in the
// inventory is named by its MAC.
func (o *Operator) Cards(box string) ([]inventory.MAC, error) {
	if mac, err := inventory.ParseMAC(box); err == nil {
		return []inventory.MAC{mac}, nil
	}
	h, err := o.host(box)
	if err != nil {
		return nil, err
	}
	macs := slices.Clone(h.MACs)
	if h.BMC != nil && h.BMC.MAC != (inventory.MAC{}) {
		macs = append(macs, h.BMC.MAC)
	}
	return macs, nil
}
