package appliance

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"rackhand/config"
	"rackhand/provision/doctor"
	"rackhand/templates"
)

// A link is an interface that boxes boot on, and our address there.
type link struct {
	name string
	addr netip.Addr
}

// resolveLinks finds our address on each of the configuration's interfaces, and puts
// the one by which the appliance is known into cfg.Address, if nothing stands there.
func resolveLinks(cfg *config.Config) ([]link, error) {
	have := make(map[string][]netip.Addr)
	for _, name := range cfg.Interfaces {
		addrs, err := addressesOf(name)
		if err != nil {
			return nil, err
		}
		have[name] = addrs
	}
	links, err := chooseAddresses(cfg.Interfaces, cfg.Address, have)
	if err == nil && !cfg.Address.IsValid() {
		cfg.Address = links[0].addr
	}
	return links, err
}

// AddressOn is our address on one of the configuration's links; invalid when that
// can't be said, as for a link that isn't there.
func AddressOn(cfg *config.Config, name string) netip.Addr {
	if !cfg.Address.IsValid() {
		return netip.Addr{} // the link's own
	}
	copied := *cfg
	links, err := resolveLinks(&copied)
	if err != nil {
		return netip.Addr{}
	}
	for _, l := range links {
		if l.name == name {
			return l.addr
		}
	}
	return netip.Addr{}
}

// chooseAddresses is our address on each link: its first one; the one that the
// configuration gives, on the link that bears it, else on the first: there it may be
// one that comes up later, or that is translated on the way.
func chooseAddresses(names []string, given netip.Addr, have map[string][]netip.Addr) ([]link, error) {
	bearer := 0
	for i, name := range names {
		if slices.Contains(have[name], given) {
			bearer = i
			break
		}
	}
	var links []link
	for i, name := range names {
		switch {
		case given.IsValid() && i == bearer:
			links = append(links, link{name, given})
		case len(have[name]) == 0:
			return nil, fmt.Errorf("interface %s has no IPv4 address: give it one, or set `address:`", name)
		default:
			links = append(links, link{name, have[name][0]})
		}
	}
	return links, nil
}

// addressesOf lists an interface's IPv4 addresses.
func addressesOf(name string) ([]netip.Addr, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w; name one that exists under `interfaces:`", name, err)
	}
	addrs, err := i.Addrs()
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", name, err)
	}
	var out []netip.Addr
	for _, x := range addrs {
		if p, err := netip.ParsePrefix(x.String()); err == nil && p.Addr().Is4() {
			out = append(out, p.Addr())
		}
	}
	return out, nil
}

// addresses are ours on the links, each once, the appliance's own first.
func (a *Appliance) addresses() []netip.Addr {
	out := []netip.Addr{a.cfg.Address}
	for _, l := range a.links {
		if !slices.Contains(out, l.addr) {
			out = append(out, l.addr)
		}
	}
	return out
}

// applianceAt is how the appliance is reached by a box that came to our address
// local: what is rendered for it names that one, since a box on one link may have no
// way to another. An address that is on none of the links is answered with the
// appliance's own.
func (a *Appliance) applianceAt(local netip.Addr) templates.Appliance {
	local = local.Unmap()
	if !slices.Contains(a.addresses(), local) {
		local = a.cfg.Address
	}
	return templates.Appliance{
		URL:    "http://" + withPort(local, a.cfg.HTTP, 80),
		Agents: "https://" + withPort(local, a.cfg.Agents, 443),
	}
}

// lockLinks keeps another appliance from serving our links; unlock lets them go.
func (a *Appliance) lockLinks(ctx context.Context) (unlock func(), err error) {
	var held []func()
	unlock = func() {
		for _, release := range held {
			release()
		}
	}
	for _, l := range a.links {
		release, err := doctor.Lock(ctx, doctor.LockDir, l.name)
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, release)
	}
	return unlock, nil
}
