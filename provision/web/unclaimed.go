package web

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/handout"
	"rackhand/templates"
)

// unclaimedEvery is how often a box that waits to be claimed asks for its script.
const unclaimedEvery = 10 * time.Second

// unclaimedScript returns the script of a box outside the inventory: it waits to be claimed,
// or boots its disk. A box that was claimed while it waited gets a script that asks DHCP
// again, since its address is still one of the pool. ok is false for all other boxes.
func (s *Server) unclaimedScript(ctx context.Context, snap *inventory.Snapshot, h *inventory.Host, mac inventory.MAC, from netip.Addr, l handout.Loader) (text string, ok bool, err error) {
	var lease provision.Lease
	if s.Lease != nil {
		lease, _ = s.Lease(ctx, mac)
	}
	u := boot.Unclaimed{Network: snap.NetworkOf(from), Ran: lease.Ran, Waited: s.Journal.Counted().Sub(lease.Booted)}
	if h != nil {
		// The lease is from before the box was claimed. It says so to an appliance that was
		// restarted meanwhile, too.
		if from == h.Address || lease.Host != "" || u.Decide(snap, scriptRequest(h, mac, l)).Action != boot.Wait {
			return "", false, nil
		}
		s.unclaimed.end(mac)
		s.sayUnclaimed(h, mac, from, "claimed", fmt.Sprintf("%s was claimed while it waited at its boot program: it goes on without a restart", mac))
		text, err = s.render(l.Claimed(), templates.Data{Host: h, Unclaimed: templates.Unclaimed{MAC: mac.String()}})
		return text, true, err
	}
	d := u.Decide(snap, scriptRequest(nil, mac, l))
	if d.Action != boot.Wait {
		if s.unclaimed.end(mac) {
			s.sayUnclaimed(nil, mac, from, "wait-ended", d.Why)
		}
		text, err = s.render(l.Disk(), templates.Data{Host: &inventory.Host{}})
		return text, true, err
	}
	left := u.Left().Round(time.Second)
	if s.unclaimed.begin(mac, lease.Booted) {
		s.sayUnclaimed(nil, mac, from, "waits", fmt.Sprintf("it waits at its boot program to be claimed, for %s: `rackhand claim %s NAME --group GROUP`", provision.Span(left), mac))
	}
	url, err := l.Script(s.appliance(ctx).URL, mac)
	if err != nil {
		return "", true, err
	}
	text, err = s.render(l.Unclaimed(), templates.Data{Host: &inventory.Host{}, Unclaimed: templates.Unclaimed{
		MAC: mac.String(), Script: url, Left: provision.Span(left), Pause: min(u.Left(), unclaimedEvery).Milliseconds() + 1,
		// The last answer says that the wait is over.
		Most: int((u.Network.UnclaimedWait+unclaimedEvery-1)/unclaimedEvery) + 1,
	}})
	return text, true, err
}

// sayUnclaimed records an event of a box. One outside the inventory (h is nil) has the share of
// strangers, since MACs are easily forged.
func (s *Server) sayUnclaimed(h *inventory.Host, mac inventory.MAC, from netip.Addr, kind, message string) {
	subject, share := mac.String(), ""
	if h != nil {
		subject, share = h.Name, h.Name
	}
	s.sayOf(share, provision.Event{
		Host: subject, Source: "http", Kind: kind, Message: message,
		Fields: map[string]string{"mac": mac.String(), "address": from.String()},
	}, mac.String())
}

// maxUnclaimed bounds how many waiting boxes are remembered. One that is forgotten causes
// another event.
const maxUnclaimed = 4096

// unclaimed has the boxes that wait to be claimed, with the boot (provision.Lease.Booted) in
// which they began to.
type unclaimed struct {
	mu    sync.Mutex
	since map[inventory.MAC]time.Time
}

// begin notes that a box waits. It returns false if the box was noted in this boot.
func (u *unclaimed) begin(mac inventory.MAC, booted time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if at, ok := u.since[mac]; ok && at.Equal(booted) {
		return false
	}
	if u.since == nil || len(u.since) >= maxUnclaimed {
		u.since = make(map[inventory.MAC]time.Time)
	}
	u.since[mac] = booted
	return true
}

// end forgets a box, and returns whether it waited.
func (u *unclaimed) end(mac inventory.MAC) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.since[mac]
	delete(u.since, mac)
	return ok
}
