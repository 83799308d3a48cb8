package neighbour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"rackhand/inventory"
)

const (
	// patience is for how long a machine may leave ARP unanswered: the kernel asks once a
	// second (neigh/default/retrans_time_ms).
	patience = 1500 * time.Millisecond
	// look is how soon the kernel is asked what it has heard, and seldom how often in the end:
	// whoever is there answers at once.
	look, seldom = 5 * time.Millisecond, 100 * time.Millisecond
)

// known are the states in which the kernel has had an answer (linux/neighbour.h).
// A REACHABLE entry was confirmed within the last half minute, or by TCP itself.
const known = netlink.NUD_REACHABLE | netlink.NUD_PERMANENT | netlink.NUD_NOARP

// Ask asks the kernel of this network namespace who stands behind an IPv4 address. An
// entry that isn't confirmed is probed anew, for 1.5 s at most (rtnetlink(7),
// RTM_NEWNEIGH with NUD_PROBE), which wants CAP_NET_ADMIN; without, it counts as it is.
func Ask(ctx context.Context, addr netip.Addr) (Found, error) {
	routes, err := netlink.RouteGet(addr.AsSlice())
	if err != nil || len(routes) == 0 {
		return Found{}, fmt.Errorf("the route to %s: %w", addr, errors.Join(err, ctx.Err()))
	}
	r := routes[0]
	if r.Type == unix.RTN_LOCAL {
		return Found{Here: true}, nil
	}
	link, err := netlink.LinkByIndex(r.LinkIndex)
	if err != nil {
		return Found{}, fmt.Errorf("the link to %s: %w", addr, err)
	}
	f := Found{Link: link.Attrs().Name}
	if r.Gw != nil || r.Via != nil || link.Attrs().RawFlags&unix.IFF_NOARP != 0 || link.Attrs().EncapType != "ether" {
		f.Away = true
		return f, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for probed, wait := false, look; ; wait = min(wait*3/2, seldom) {
		e, err := entry(r.LinkIndex, addr)
		if err != nil {
			return f, err
		}
		copy(f.MAC[:], e.HardwareAddr)
		f.Confirmed = e.State&known != 0
		switch {
		case f.Confirmed:
			return f, nil
		case !probed:
			probed = true
			if err := probe(e); errors.Is(err, unix.EPERM) {
				f.Confirmed = true // packets to the peer go there, whenever it was heard
				return f, nil
			} else if err != nil {
				return f, fmt.Errorf("asking who has %s: %w", addr, err)
			}
		case e.State&netlink.NUD_FAILED != 0:
			return f, nil
		}
		select {
		case <-ctx.Done():
			return f, nil
		case <-time.After(wait):
		}
	}
}

// entry is what the kernel has about an address; without a hardware address when it has
// none. It asks for this one (RTM_GETNEIGH without NLM_F_DUMP, Linux 5.0): a list of all
// takes a hundred times as long, and somebody may ask in the names of a whole rack.
func entry(link int, addr netip.Addr) (netlink.Neigh, error) {
	none := netlink.Neigh{LinkIndex: link, Family: unix.AF_INET, IP: addr.AsSlice()}
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
	req.AddData(&netlink.Ndmsg{Family: unix.AF_INET, Index: uint32(link)})
	req.AddData(nl.NewRtAttr(netlink.NDA_DST, addr.AsSlice()))
	found, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	switch {
	case errors.Is(err, unix.ENOENT), err == nil && len(found) == 0:
		return none, nil
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL):
		return listed(none, addr)
	case err != nil:
		return none, fmt.Errorf("the neighbour %s: %w", addr, err)
	}
	n, err := netlink.NeighDeserialize(found[0])
	if err != nil {
		return none, fmt.Errorf("the neighbour %s: %w", addr, err)
	}
	return ethernet(*n), nil
}

// listed is entry for a kernel that tells all or nothing.
func listed(none netlink.Neigh, addr netip.Addr) (netlink.Neigh, error) {
	all, err := netlink.NeighList(none.LinkIndex, unix.AF_INET)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return none, fmt.Errorf("the neighbours of %s: %w", addr, err)
	}
	for _, n := range all {
		if got, ok := netip.AddrFromSlice(n.IP); ok && got.Unmap() == addr {
			return ethernet(n), nil
		}
	}
	return none, nil
}

// ethernet is an entry without its hardware address where that is none of Ethernet's.
func ethernet(n netlink.Neigh) netlink.Neigh {
	if len(n.HardwareAddr) != len(inventory.MAC{}) {
		n.HardwareAddr = nil
	}
	return n
}

// probe has the kernel ask the machine that it knows whether it is still there, by
// unicast; or everybody, where it knows none.
func probe(n netlink.Neigh) error {
	if n.HardwareAddr == nil {
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: n.LinkIndex, Family: n.Family, IP: n.IP, State: netlink.NUD_NONE, Flags: netlink.NTF_USE})
	}
	return netlink.NeighSet(&netlink.Neigh{
		LinkIndex: n.LinkIndex, Family: n.Family, IP: n.IP, State: netlink.NUD_PROBE,
		HardwareAddr: net.HardwareAddr(n.HardwareAddr),
	})
}
