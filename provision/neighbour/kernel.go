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
	// answerWait is how long a machine may take to answer ARP. The kernel asks once a
	// second (neigh/default/retrans_time_ms).
	answerWait = 1500 * time.Millisecond
	// pollFirst is the first delay between two looks at the kernel's entry, since a machine
	// on the link answers at once. pollMost is the longest one.
	pollFirst, pollMost = 5 * time.Millisecond, 100 * time.Millisecond
)

// known are the states in which the kernel has an answer (linux/neighbour.h). A REACHABLE
// entry was confirmed within the last half minute, or by TCP.
const known = netlink.NUD_REACHABLE | netlink.NUD_PERMANENT | netlink.NUD_NOARP

// Ask asks the kernel of this network namespace for the machine behind an IPv4 address. An
// unconfirmed entry is probed again, for 1.5 s at most (rtnetlink(7), RTM_NEWNEIGH with
// NUD_PROBE). That needs CAP_NET_ADMIN; without it the entry counts as it is.
func Ask(ctx context.Context, addr netip.Addr) (Found, error) {
	routes, err := netlink.RouteGet(addr.AsSlice())
	if err != nil || len(routes) == 0 {
		return Found{}, fmt.Errorf("the route to %s: %w", addr, errors.Join(err, ctx.Err()))
	}
	r := routes[0]
	if r.Type == unix.RTN_LOCAL {
		return Found{Local: true}, nil
	}
	link, err := netlink.LinkByIndex(r.LinkIndex)
	if err != nil {
		return Found{}, fmt.Errorf("the link to %s: %w", addr, err)
	}
	f := Found{Link: link.Attrs().Name}
	if r.Gw != nil || r.Via != nil || link.Attrs().RawFlags&unix.IFF_NOARP != 0 || link.Attrs().EncapType != "ether" {
		f.Routed = true
		return f, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	for probed, wait := false, pollFirst; ; wait = min(wait*3/2, pollMost) {
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
				f.Confirmed = true // packets to the peer go there, however old the entry is
				return f, nil
			} else if err != nil {
				return f, fmt.Errorf("asking which machine has %s: %w", addr, err)
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

// entry is the kernel's entry for an address, without a hardware address when there is
// none. It asks for this entry only (RTM_GETNEIGH without NLM_F_DUMP, Linux 5.0): a list of
// all takes a hundred times as long, and one client may ask in the names of a whole rack.
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

// listed is entry for kernels that can only list all entries.
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

// ethernet removes a hardware address that isn't an Ethernet address.
func ethernet(n netlink.Neigh) netlink.Neigh {
	if len(n.HardwareAddr) != len(inventory.MAC{}) {
		n.HardwareAddr = nil
	}
	return n
}

// probe makes the kernel ask whether the known machine is still there, by unicast. When no
// machine is known, the kernel asks by broadcast.
func probe(n netlink.Neigh) error {
	if n.HardwareAddr == nil {
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: n.LinkIndex, Family: n.Family, IP: n.IP, State: netlink.NUD_NONE, Flags: netlink.NTF_USE})
	}
	return netlink.NeighSet(&netlink.Neigh{
		LinkIndex: n.LinkIndex, Family: n.Family, IP: n.IP, State: netlink.NUD_PROBE,
		HardwareAddr: net.HardwareAddr(n.HardwareAddr),
	})
}
