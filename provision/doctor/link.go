package doctor

import (
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"rackhand/inventory"
)

// A Link is an interface as the kernel describes it.
type Link struct {
	Name     string
	Exists   bool
	Up       bool // switched on
	Carrier  bool // a cable with something at its other end
	Ethernet bool
	Loopback bool
	Addrs    []netip.Prefix // IPv4
	// Master is the bridge or bond that it is a port of; "" for none.
	Master string
	// STP: it is a bridge with the spanning tree protocol switched on; Delay is its
	// forward delay in hundredths of a second.
	STP   bool
	Delay int
	// StrictRP: reverse path filtering is strict (rp_filter 1).
	StrictRP bool
}

// Links lists the interfaces of this network namespace.
func Links(m Machine) ([]Link, error) {
	ifis, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the links: %w", err)
	}
	var out []Link
	for _, ifi := range ifis {
		l := Link{
			Name: ifi.Name, Exists: true,
			Up: ifi.Flags&net.FlagUp != 0, Carrier: ifi.Flags&net.FlagRunning != 0,
			Loopback: ifi.Flags&net.FlagLoopback != 0,
			Ethernet: len(ifi.HardwareAddr) == 6 && ifi.Flags&net.FlagBroadcast != 0,
		}
		addrs, err := ifi.Addrs()
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", ifi.Name, err)
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				l.Addrs = append(l.Addrs, p)
			}
		}
		l.settings(m.Sys, m.Conf)
		out = append(out, l)
	}
	return out, nil
}

// settings reads the settings in files. Unreadable ones keep their values, because these
// are only hints.
func (l *Link) settings(sys, conf fs.FS) {
	if target, err := fs.ReadLink(sys, path.Join(l.Name, "master")); err == nil {
		l.Master = path.Base(target)
	}
	l.STP = number(sys, path.Join(l.Name, "bridge/stp_state")) > 0
	l.Delay = number(sys, path.Join(l.Name, "bridge/forward_delay"))
	// The stricter of the two holds, as long as 2 isn't among them (ip-sysctl).
	l.StrictRP = max(number(conf, "all/rp_filter"), number(conf, path.Join(l.Name, "rp_filter"))) == 1
}

func number(f fs.FS, name string) int {
	b, err := fs.ReadFile(f, name)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return n
}

// Serves reports whether boxes could be booted on a link at all.
func (l Link) Serves() bool {
	return l.Exists && l.Up && l.Ethernet && !l.Loopback && l.Master == ""
}

// network finds the link's address that lies in a network of the inventory, and that
// network; else its first address, if it has one, and nil.
func (l Link) network(snap *inventory.Snapshot) (netip.Addr, *inventory.Network) {
	for _, a := range l.Addrs {
		if snap != nil {
			if n := snap.NetworkOf(a.Addr()); n != nil {
				return a.Addr(), n
			}
		}
	}
	if len(l.Addrs) == 0 {
		return netip.Addr{}, nil
	}
	return l.Addrs[0].Addr(), nil
}

// judgeLink returns findings about a link's fitness to serve. all are the machine's links,
// so that it can suggest a better one. addr is the configuration's address, if it has one
// instead of the link's own.
func judgeLink(l Link, all []Link, snap *inventory.Snapshot, addr netip.Addr) []Finding {
	if !l.Exists {
		return []Finding{{Problem, "there is no interface " + l.Name, "the interfaces here: " + linkNames(all), false}}
	}
	var out []Finding
	bad := func(level Level, hint, format string, args ...any) {
		out = append(out, Finding{level, fmt.Sprintf(format, args...), hint, false})
	}
	switch {
	case l.Loopback || !l.Ethernet:
		bad(Problem, "boxes boot over Ethernet"+better(l, all, snap), "%s is not an Ethernet link", l.Name)
		return out
	case l.Master != "":
		bad(Problem, "name "+l.Master+" under `interfaces:` instead", "%s is a port of %s, which takes its packets", l.Name, l.Master)
	case !l.Up:
		bad(Problem, "ip link set "+l.Name+" up", "%s is switched off", l.Name)
	case !l.Carrier:
		bad(Problem, "look at the cable and at the switch", "%s has no carrier", l.Name)
	}
	mine, n := l.network(snap)
	if addr.IsValid() {
		mine = addr
		if snap != nil {
			n = snap.NetworkOf(addr)
		}
	}
	switch {
	case !mine.IsValid():
		bad(Problem, "give it one within its network"+better(l, all, snap), "%s has no IPv4 address", l.Name)
	case snap != nil && len(snap.Networks) > 0 && n == nil:
		bad(Problem, "correct the address, or the networks of the inventory ("+networks(snap)+")"+better(l, all, snap),
			"%s has the address %s, which lies in no network of the inventory: no box is answered there", l.Name, mine)
	}
	if len(out) == 0 {
		text := fmt.Sprintf("%s is up, with carrier and the address %s", l.Name, mine)
		if n != nil {
			text += " of network " + n.Name
		}
		out = append(out, Finding{OK, text, "", false})
	}
	if l.STP && l.Delay > 0 {
		bad(Warning, fmt.Sprintf("ip link set %s type bridge stp_state 0, or forward_delay 0", l.Name),
			"the bridge %s has the spanning tree protocol on: a port forwards nothing for %d s after its box powers on, when firmware asks", l.Name, 2*l.Delay/100)
	} else if len(out) == 1 && out[0].Level == OK {
		bad(Note, "switch it on (portfast, edge port) on ports with boxes", "whether the switch forwards at once when a box powers on can't be seen from here: without portfast its ports are silent for 30 s")
	}
	if l.StrictRP && twoWays(l, all) {
		bad(Warning, "sysctl net.ipv4.conf."+l.Name+".rp_filter=2", "%s filters by reverse path strictly, and another link has an address of the same subnet: packets of boxes may be dropped", l.Name)
	}
	return out
}

// better names another link with an address in a network of the inventory.
func better(l Link, all []Link, snap *inventory.Snapshot) string {
	for _, other := range all {
		if other.Name == l.Name || !other.Serves() {
			continue
		}
		if a, n := other.network(snap); n != nil {
			return fmt.Sprintf("; or is %s meant? It has %s, in network %s", other.Name, a, n.Name)
		}
	}
	return ""
}

func twoWays(l Link, all []Link) bool {
	for _, other := range all {
		if other.Name == l.Name || !other.Up {
			continue
		}
		for _, a := range other.Addrs {
			for _, b := range l.Addrs {
				if a.Overlaps(b) {
					return true
				}
			}
		}
	}
	return false
}

func linkNames(all []Link) string {
	var names []string
	for _, l := range all {
		if !l.Loopback {
			names = append(names, l.Name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func networks(snap *inventory.Snapshot) string {
	var out []string
	for name, n := range snap.Networks {
		out = append(out, name+" "+n.Subnet.String())
	}
	slices.Sort(out)
	return strings.Join(out[:min(len(out), 8)], ", ")
}
