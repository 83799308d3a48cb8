package page_test

import (
	"fmt"
	"time"

	"rackhand/provision"
)

// setStuck says why a host is stuck, without an event; nil: it isn't any more.
func (f *fake) setStuck(host string, s *provision.Stuck) {
	f.change(host, func(h *provision.HostStatus) { h.Stuck = s })
}

// change changes a host or an unclaimed box, without an event.
func (f *fake) change(host string, to func(*provision.HostStatus)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.hosts {
		if f.hosts[i].Host == host {
			to(&f.hosts[i])
		}
	}
}

// driverMissing is a diagnosis with two causes and a command.
func driverMissing(host string, since time.Time) *provision.Stuck {
	return &provision.Stuck{
		Rule: "initramfs-silent", Since: since,
		Last:     &provision.Seen{Seq: 3, Time: since, Text: "It fetched kernel and initrd."},
		Expected: &provision.Expected{Text: "The installer asks for its answer file.", By: since.Add(3 * time.Minute)},
		Causes: []provision.Cause{
			{Text: "The initramfs has no driver or no firmware for this network card.", Decider: "Then its console shows no network interface."},
			{Text: "The network that the kernel sees is another VLAN.", Decider: "Then its console shows the interface, and DHCP without an answer."},
		},
		Evidence: []uint64{3},
		Remedy:   provision.Remedy{Text: "Look at the console, and add the driver to the image.", Command: "rackhand trace " + host},
	}
}

// diskGuard is the diagnosis of a failed install.
func diskGuard(host string, since time.Time) *provision.Stuck {
	return &provision.Stuck{
		Rule: "disk-guard", Since: since,
		Causes: []provision.Cause{{Text: "The disk sda (1.8 TiB) carries data: a GPT, and ext4 named \"pgdata\"."}},
		Remedy: provision.Remedy{Text: "If the data may be erased, allow it.", Command: "rackhand install " + host + " --wipe"},
	}
}

// offersLost is the diagnosis that several boxes share.
func offersLost(boxes []string, since time.Time) *provision.Stuck {
	return &provision.Stuck{
		Rule: "offers-lost", Since: since, Link: "switch sw1", Boxes: boxes,
		Causes: []provision.Cause{{Text: "The switch drops the offers: DHCP snooping doesn't trust the appliance's port.", Decider: "If it does, the relay loses them."}},
		Remedy: provision.Remedy{Text: "Trust the appliance's port on the switch, then look at the link.", Command: "rackhand doctor"},
	}
}

// troubled is the rack with stuck hosts, a shared cause, and an unclaimed box.
func troubled(now time.Time) *fake {
	f := rack(now)
	f.setStuck("db2", diskGuard("db2", now.Add(-17*time.Minute)))
	f.setStuck("web10", driverMissing("web10", now.Add(-6*time.Minute)))
	f.change("db1", func(h *provision.HostStatus) { h.Place = provision.Bootfile })
	boxes := []string{"node1", "node2", "node3"}
	for i, name := range boxes {
		f.add(20+i, name, "debian12", "node", &provision.Install{Requested: now.Add(-8 * time.Minute)})
		f.travel(name, fmt.Sprintf("10.77.0.%d", 30+i), now.Add(-7*time.Minute), provision.Powered)
		f.setStuck(name, offersLost(boxes, now.Add(-7*time.Minute)))
	}
	f.change("3c:ec:ef:10:20:32", func(h *provision.HostStatus) { h.LastSeen = now.Add(-3 * time.Hour) })
	return f
}

// big is a rack of n hosts, of which installs are under way and the others serve.
func big(now time.Time, n, installs int) *fake {
	f := newFake()
	for i := range n {
		name, address := fmt.Sprintf("node%d", i+1), fmt.Sprintf("10.77.%d.%d", i/250, 1+i%250)
		role := []string{"web", "postgres", "cache", "builder"}[i%4]
		start := now.Add(-time.Duration(i%40+60) * time.Minute)
		to := provision.Serving
		if i < installs {
			start, to = now.Add(-time.Duration(i%50)*time.Second), provision.Packages
		}
		f.add(i, name, []string{"debian12", "rocky9"}[i%2], role, &provision.Install{Requested: start})
		h := &f.hosts[i]
		h.Address, h.Rack = address, fmt.Sprintf("r%d unit %d", i/40+1, i%40+1)
		h.MACs = []string{fmt.Sprintf("52:54:00:%02x:%02x:%02x", i*7%256, i/256, i%256)}
		h.AgentVersion = "v1.5.0"
		f.travelShort(i, name, address, start, to)
	}
	return f
}

// travelShort is travel for the host at index i, without its events but the last.
func (f *fake) travelShort(i int, name, address string, start time.Time, to provision.Stage) {
	in := f.hosts[i].Install
	in.PoweredOn = start
	for _, s := range journey(address) {
		in.Stage, in.Reached[s.stage] = s.stage, start.Add(s.after)
		if s.stage != to {
			continue
		}
		if in.Stage.Ended() {
			in.Ended, in.Armed = start.Add(s.after), false
		}
		e := provision.Event{Time: start.Add(s.after), Host: name, Source: s.source, Kind: s.kind, Message: s.message, Fields: s.fields}
		e.Seq = uint64(len(f.events) + 1)
		f.events = append(f.events, e)
		f.hosts[i].Last, f.hosts[i].LastSeen = &e, e.Time
		return
	}
}
