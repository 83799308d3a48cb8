package installer

import (
	"cmp"
	"fmt"
	"net"
	"slices"

	"rackhand/templates/kickstart"
)

// The kinds of network device.
const (
	kindCard   = "card"
	kindBond   = "bond"
	kindBridge = "bridge"
	kindVLAN   = "vlan"
)

// A netDevice is a network device of the installed system.
type netDevice struct {
	Kind string
	Name string // in the installed system
	MAC  string // of a card that this machine shows; "" for one that only the installed system knows by its name
	// Own is the MAC that a bond or bridge has: that of its first card, by which the
	// appliance knows the host. Left alone, udev or networkd makes one up.
	Own string
	addressing
	OnBoot  bool
	MTU     int
	Options []kickstart.NetOption // of a bond or bridge; a bond's primary is a device's name
	Members []string              // names of a bond's or bridge's devices
	Master  string                // the name of the bond or bridge that this is a member of
	Parent  string                // a VLAN's
	VLAN    int
	set     bool // a line says how it gets its addresses
}

// A netResolver finds the devices that network lines mean.
type netResolver struct {
	facts Facts
	list  []*netDevice
	cards int
}

// resolveDevices turns network lines into devices, each before those that stand on
// it. Cards are told by their MAC, since their names in the installer are not those
// in the installed system, and are called lan0, lan1, ... there.
func resolveDevices(lines []netConfig, f Facts) ([]netDevice, error) {
	r := &netResolver{facts: f}
	var own []netConfig
	for _, n := range lines {
		if n.Configures {
			own = append(own, n)
		}
	}
	for _, n := range own { // the names of bonds and bridges, which other lines may use before theirs
		if len(n.Bond)+len(n.Bridge) > 0 {
			kind := kindBond
			if len(n.Bridge) > 0 {
				kind = kindBridge
			}
			if r.byName(n.Device) != nil {
				return nil, fmt.Errorf("two network lines make %s", n.Device)
			}
			r.list = append(r.list, &netDevice{Kind: kind, Name: n.Device, addressing: noAddress(), OnBoot: n.OnBoot, Options: slices.Clone(n.Options)})
		}
	}
	for _, n := range own {
		if err := r.line(n); err != nil {
			return nil, err
		}
	}
	return r.ordered()
}

func (r *netResolver) byName(name string) *netDevice {
	for _, d := range r.list {
		if d.Name == name {
			return d
		}
	}
	return nil
}

func (r *netResolver) line(n netConfig) error {
	d, err := r.device(n.Device)
	if err != nil {
		return err
	}
	d.OnBoot = d.OnBoot || n.OnBoot
	d.MTU = max(d.MTU, n.MTU)
	for _, word := range append(slices.Clone(n.Bond), n.Bridge...) {
		m, err := r.device(word)
		switch {
		case err != nil:
			return err
		case m == d || m.Master != "":
			return fmt.Errorf("the Kickstart makes %s a member of %s, and it is one of %s", word, d.Name, m.Master)
		case m.Kind == d.Kind:
			return fmt.Errorf("the Kickstart makes %s, a %s, a member of %s, another one", word, m.Kind, d.Name)
		}
		m.Master, m.OnBoot, m.MTU = d.Name, n.OnBoot, max(m.MTU, d.MTU)
		d.Members = append(d.Members, m.Name)
	}
	for i, o := range d.Options {
		if o.Key == "primary" && len(n.Bond) > 0 {
			m, err := r.device(o.Value)
			if err != nil || m.Master != d.Name {
				return fmt.Errorf("the primary of %s, %s, is none of its members", d.Name, o.Value)
			}
			d.Options[i].Value = m.Name
		}
	}
	if n.VLAN > 0 {
		name := n.InterfaceName
		if name == "" {
			if name = fmt.Sprintf("%s.%d", d.Name, n.VLAN); len(name) > 15 {
				name = fmt.Sprintf("vlan%d", n.VLAN)
			}
		}
		if r.byName(name) != nil {
			return fmt.Errorf("two network devices would be called %s", name)
		}
		v := &netDevice{Kind: kindVLAN, Name: name, Parent: d.Name, VLAN: n.VLAN, OnBoot: n.OnBoot, MTU: n.MTU}
		r.list = append(r.list, v)
		d = v
	}
	if d.set {
		return fmt.Errorf("two network lines mean the same card, %s", nicsText([]NIC{{d.Name, d.MAC}}))
	}
	d.addressing, d.set = n.Addressing, true
	return nil
}

// device is the device that a word means: a bond, bridge or VLAN of the Kickstart's,
// else a card.
func (r *netResolver) device(word string) (*netDevice, error) {
	if d := r.byName(word); d != nil && word != "" {
		return d, nil
	}
	want := word
	if want == "" || want == "link" || want == "bootif" {
		want = r.facts.BootNIC
	}
	mac, found := "", ""
	if hw, err := net.ParseMAC(want); err == nil {
		mac = hw.String()
	}
	for _, nic := range r.facts.NICs {
		if nic.Name == want || (mac != "" && nic.MAC == mac) {
			found = nic.MAC
		}
	}
	switch {
	case found == "" && mac != "":
		return nil, fmt.Errorf("the Kickstart's network --device=%s is no card of this machine: %s", word, nicsText(r.facts.NICs))
	case found == "" && want == "":
		return nil, fmt.Errorf("the card that this machine booted from is not known: name one with network --device=MAC; it has: %s", nicsText(r.facts.NICs))
	}
	for _, d := range r.list {
		if found != "" && d.MAC == found {
			return d, nil
		}
	}
	d := &netDevice{Kind: kindCard, Name: want, MAC: found, addressing: noAddress()}
	if found != "" {
		for {
			d.Name = fmt.Sprintf("lan%d", r.cards)
			if r.cards++; r.byName(d.Name) == nil {
				break
			}
		}
	}
	r.list = append(r.list, d)
	return d, nil
}

// ordered puts cards first, then what stands on them, and checks that nothing has
// addresses as a member.
func (r *netResolver) ordered() ([]netDevice, error) {
	var out []netDevice
	done := map[string]bool{}
	for len(out) < len(r.list) {
		before := len(out)
		for _, d := range r.list {
			ready := !done[d.Name] && (d.Parent == "" || done[d.Parent]) &&
				!slices.ContainsFunc(d.Members, func(m string) bool { return !done[m] })
			if !ready {
				continue
			}
			if d.Master != "" && d.set && d.Kind == kindCard {
				return nil, fmt.Errorf("%s is a member of %s: a network line of its own can't give it addresses", nicsText([]NIC{{d.Name, d.MAC}}), d.Master)
			}
			if d.Master != "" {
				d.addressing = noAddress() // it has none: they are its master's
			}
			for _, m := range d.Members {
				if b := r.byName(m); d.Own == "" {
					d.Own = cmp.Or(b.MAC, b.Own)
				}
			}
			done[d.Name] = true
			out = append(out, *d)
		}
		if len(out) == before {
			return nil, fmt.Errorf("the Kickstart's network devices stand on one another in a circle")
		}
	}
	return out, nil
}
