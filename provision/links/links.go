// Package links finds the interfaces that boxes boot on, and our address on each. It also
// notices when an interface is created again.
package links

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"rackhand/config"
)

// A Link is an interface that boxes boot on, and our address there.
type Link struct {
	Name string
	Addr netip.Addr
}

// A linkState is the state of an interface.
type linkState struct {
	up    bool
	addrs []netip.Addr // IPv4
}

// Resolve finds our address on each of the configuration's interfaces. It puts the
// appliance's main address into cfg.Address, unless the configuration sets one. wait says
// what is missing that may still appear.
func Resolve(cfg *config.Config) (links []Link, wait string, err error) {
	have := make(map[string]linkState)
	for _, name := range cfg.Interfaces {
		if have[name], err = stateOf(name); err != nil {
			return nil, "", err
		}
	}
	links, wait, err = chooseAddresses(cfg.Interfaces, cfg.Address, have)
	if err == nil && wait == "" && !cfg.Address.IsValid() {
		cfg.Address = links[0].Addr
	}
	return links, wait, err
}

// AddressOn is our address on one of the configuration's links; invalid when it is unknown,
// for example when the link doesn't exist.
func AddressOn(cfg *config.Config, name string) netip.Addr {
	if !cfg.Address.IsValid() {
		return netip.Addr{} // the link's own address
	}
	copied := *cfg
	links, wait, err := Resolve(&copied)
	if err != nil || wait != "" {
		return netip.Addr{}
	}
	for _, l := range links {
		if l.Name == name {
			return l.Addr
		}
	}
	return netip.Addr{}
}

// chooseAddresses chooses our address on each link: its first one, or the given one on the
// link that has it. A link that is down, or has no address yet, is waited for. A given
// address that no link has is an error once all links have an address, since boxes would
// get no answer at it.
func chooseAddresses(names []string, given netip.Addr, have map[string]linkState) (links []Link, wait string, err error) {
	var down, bare, others []string
	found := false
	for _, name := range names {
		x := have[name]
		switch {
		case !x.up:
			down = append(down, name)
			continue
		case len(x.addrs) == 0:
			bare = append(bare, name)
			continue
		}
		addr := x.addrs[0]
		if slices.Contains(x.addrs, given) {
			addr, found = given, true
		}
		links = append(links, Link{name, addr})
		others = append(others, fmt.Sprintf("%s has %s", name, join(x.addrs)))
	}
	var waits []string
	for _, name := range down {
		waits = append(waits, fmt.Sprintf("%s is down (`ip link set %s up`)", name, name))
	}
	for _, name := range bare {
		want := "an IPv4 address"
		if given.IsValid() && !found && len(names) == 1 {
			want = given.String()
		}
		waits = append(waits, fmt.Sprintf("%s has no IPv4 address yet: give it %s", name, want))
	}
	switch {
	case len(waits) > 0:
		return nil, strings.Join(waits, "; "), nil
	case given.IsValid() && !found:
		return nil, "", fmt.Errorf("`address: %s` in rackhand.yaml is on none of the links: %s; give a link that address, or set `address:` to one that it has", given, strings.Join(others, ", "))
	}
	return links, "", nil
}

func join(addrs []netip.Addr) string {
	var out []string
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return strings.Join(out, " and ")
}

// stateOf reads the state of an interface. The error for an unknown interface lists those
// of this machine.
func stateOf(name string) (linkState, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		var there []string
		all, _ := net.Interfaces()
		for _, x := range all {
			if x.Flags&net.FlagLoopback == 0 {
				there = append(there, x.Name)
			}
		}
		return linkState{}, fmt.Errorf("there is no interface %s; `interfaces:` in rackhand.yaml names those on which boxes boot, and this machine has %s", name, cmp.Or(strings.Join(there, ", "), "none"))
	}
	addrs, err := i.Addrs()
	if err != nil {
		return linkState{}, fmt.Errorf("interface %s: %w", name, err)
	}
	x := linkState{up: i.Flags&net.FlagUp != 0}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			x.addrs = append(x.addrs, p.Addr())
		}
	}
	return x, nil
}

// Exists reports whether there is an interface of that name.
func Exists(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}

// HasCarrier reports whether an interface is up and has a carrier.
func HasCarrier(name string) bool {
	i, err := net.InterfaceByName(name)
	return err == nil && i.Flags&net.FlagUp != 0 && i.Flags&net.FlagRunning != 0
}
