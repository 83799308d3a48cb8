package page_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
)

// A chronicle is a rack with earlier installs and with logs of installers.
type chronicle struct {
	logged
	past map[string][]provision.Install
	old  map[string][]provision.Event // of an earlier install
	why  map[string]*provision.Stuck  // of an earlier install
}

func (c chronicle) History(_ context.Context, host string) ([]provision.Install, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(c.past[host])
	for _, h := range c.hosts {
		if h.Host == host && h.Install != nil {
			out = append([]provision.Install{*h.Install}, out...)
		}
	}
	return out, c.fail
}

func (c chronicle) EventsOf(ctx context.Context, host, install string, limit int) ([]provision.Event, error) {
	if events, ok := c.old[install]; ok {
		return events, c.fail
	}
	return c.Events(ctx, host, limit)
}

func (c chronicle) Explain(_ context.Context, host, install string) (*provision.Stuck, error) {
	for _, h := range c.hosts {
		if h.Install != nil && h.Install.ID == install && h.Install.Stage == provision.Failed {
			return h.Stuck, c.fail
		}
	}
	return c.why[install], c.fail
}

func (c chronicle) Numbered(_ context.Context, seqs []uint64) ([]provision.Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []provision.Event
	for _, e := range c.events {
		if slices.Contains(seqs, e.Seq) {
			out = append(out, e)
		}
	}
	return out, c.fail
}

// set changes a host.
func (f *fake) set(host string, change func(*provision.HostStatus)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.hosts {
		if f.hosts[i].Host == host {
			change(&f.hosts[i])
		}
	}
}

// seqs are the numbers of a host's events.
func (f *fake) seqs(host string) (out []uint64) {
	for _, e := range f.events {
		if e.Host == host {
			out = append(out, e.Seq)
		}
	}
	return out
}

// chronicled is a rack in which hosts are stuck, alone and together, and one failed. A host
// has earlier installs, whose events are kept in part.
func chronicled(now time.Time) chronicle {
	f := rack(now)
	c := chronicle{logged: logged{f, map[string]string{}}, past: map[string][]provision.Install{}, old: map[string][]provision.Event{}, why: map[string]*provision.Stuck{}}
	f.set("db2", func(h *provision.HostStatus) {
		seqs := f.seqs("db2")
		h.Stuck = &provision.Stuck{
			Rule: "disk-guard", Since: now.Add(-18*time.Minute + 16*time.Second),
			Last:     &provision.Seen{Seq: seqs[len(seqs)-2], Time: now.Add(-18*time.Minute + 14*time.Second), Text: "The installer has its answer file."},
			Causes:   []provision.Cause{{Text: `The disk sda carries data (GPT, ext4 "pgdata").`}},
			Evidence: []uint64{seqs[len(seqs)-1]},
			Remedy:   provision.Remedy{Text: "Look whether the data may go, then allow it.", Command: "rackhand install db2 --wipe"},
		}
	})
	c.logs["db2-1"] = strings.Repeat("partitioning: looking at a disk\n", 50) + "Error: sda carries data\n"
	f.set("web10", func(h *provision.HostStatus) {
		seqs := f.seqs("web10")
		h.Stuck = &provision.Stuck{
			Rule: "initramfs-silent", Since: now.Add(-7 * time.Minute),
			Last:     &provision.Seen{Seq: seqs[len(seqs)-1], Time: now.Add(-7 * time.Minute), Text: "Kernel and initrd fetched."},
			Expected: &provision.Expected{Text: "The installer asks for an address.", By: now.Add(-5 * time.Minute)},
			Causes: []provision.Cause{
				{Text: "The initramfs has no driver for the network card.", Decider: "If the console names no network card, it is the driver."},
				{Text: "The switch port carries another VLAN for a tagged card.", Decider: "If the console names a card with a link, it is the VLAN."},
			},
			Evidence: []uint64{seqs[len(seqs)-2], seqs[len(seqs)-1], 99999},
			Remedy:   provision.Remedy{Text: "Look at the console of the box."},
		}
	})
	boxes := []string{"cache1", "web3"}
	for i := range 40 {
		boxes = append(boxes, fmt.Sprintf("node%d", i+1))
	}
	f.set("cache1", func(h *provision.HostStatus) {
		h.Stuck = &provision.Stuck{
			Rule: "offers-lost", Since: now.Add(-6 * time.Minute), Causes: []provision.Cause{{Text: "The offers don't reach the boxes: DHCP snooping, or a relay agent that doesn't forward them."}},
			Expected: &provision.Expected{Text: "The firmware takes the offered address.", By: now.Add(-4 * time.Minute)},
			Remedy:   provision.Remedy{Text: "Trust the appliance's port in the switch's DHCP snooping."}, Link: "switch sw1", Boxes: boxes,
		}
	})
	f.set("web3", func(h *provision.HostStatus) { h.Place = provision.Bootfile })
	c.earlier(now)
	return c
}

// earlier gives db1 earlier installs and a job.
func (c chronicle) earlier(now time.Time) {
	ended := func(id string, job provision.Job, stage provision.Stage, days int, reason string, stages ...provision.Stage) provision.Install {
		begun := now.AddDate(0, 0, -days)
		in := provision.Install{
			ID: id, Host: "db1", System: "rocky9", Job: job, Stage: stage, Reason: reason, Attempts: 1, Budget: provision.Budget{Attempts: 3, Time: 15 * time.Minute},
			Requested: begun, PoweredOn: begun.Add(9 * time.Second), Ended: begun.Add(3 * time.Minute), Reached: map[provision.Stage]time.Time{},
		}
		for i, s := range append([]provision.Stage{provision.Requested, provision.Powered}, stages...) {
			in.Reached[s] = begun.Add(time.Duration(i) * 9 * time.Second)
		}
		return in
	}
	c.set("db1", func(h *provision.HostStatus) {
		in := *h.Install
		in.ID = "db1-14"
		h.Install = &in
	})
	past := []provision.Install{
		ended("db1-13", "", provision.Failed, 3, "anaconda: no package mirror answers", provision.Addressed, provision.Bootfile, provision.Script, provision.Kernel, provision.Installer),
		ended("db1-12", "", provision.Serving, 9, "", provision.Stages()[2:]...),
	}
	for n := 11; n > 0; n-- {
		past = append(past, ended(fmt.Sprintf("db1-%d", n), "", provision.Cancelled, 30-n, "cancelled by the operator"))
	}
	wipe := ended("db1-wipe-1", provision.JobWipe, provision.Done, 5, "", provision.Addressed, provision.Bootfile, provision.Script, provision.Kernel, provision.Installer)
	c.past["db1"] = append(past, wipe)
	at := past[0].Ended
	c.old["db1-13"] = []provision.Event{
		{Seq: 70001, Time: at.Add(-time.Minute), Host: "db1", Install: "db1-13", Source: "installer", Kind: "started", Stage: provision.Installer, Message: "Anaconda has its Kickstart."},
		{Seq: 70002, Time: at, Host: "db1", Install: "db1-13", Source: "installer", Kind: "stopped", Stage: provision.Failed, Level: provision.LevelError, Message: past[0].Reason},
	}
	c.old["db1-12"] = nil
	c.why["db1-13"] = &provision.Stuck{
		Rule: "anaconda", Since: at, Last: &provision.Seen{Seq: 70001, Time: at.Add(-time.Minute), Text: "Anaconda has its Kickstart."},
		Causes: []provision.Cause{{Text: "No package mirror answers."}}, Evidence: []uint64{70002},
		Remedy: provision.Remedy{Text: "Look at the mirrors.", Command: "rackhand mirror list"},
	}
	c.logs["db1-13"] = strings.Repeat("anaconda: downloading packages\n", 9000) + "anaconda: error: Cannot download repomd.xml\n"
}
