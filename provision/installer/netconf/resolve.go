package netconf

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

// A Device is a network device of the installed system.
type Device struct {
	Kind string
	Name string // in the installed system
	MAC  string // of a card that this machine shows; "" for one that only the installed system knows by its name
	// Own is the MAC of a bond or bridge. It is its first card's MAC, which the appliance
	// knows. Without it, udev or networkd would make one up.
	Own string
	Addressing
	OnBoot    bool
	MTU       int
	Options   []kickstart.NetOption // of a bond or bridge; a bond's primary is a device's name
	Members   []string              // names of a bond's or bridge's devices
	Master    string                // the name of the bond or bridge that this is a member of
	Parent    string                // a VLAN's
	VLAN      int
	addressed bool // a line says how it gets its addresses
}

// A resolver finds the devices that network lines mean.
type resolver struct {
	nics  []NIC
	boot  string // name of the card that the machine booted from, "" when unknown
	list  []*Device
	cards int
}

// Resolve turns network lines into devices, each before those that use it. nics are the
// machine's cards, and boot is the name of the one that it booted from, "" when unknown.
// A card is known by its MAC, because its name in the installer is not its name in the
// installed system, where cards are called lan0, lan1, ...
func Resolve(lines []Line, nics []NIC, boot string) ([]Device, error) {
	r := &resolver{nics: nics, boot: boot}
	var own []Line
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
			r.list = append(r.list, &Device{Kind: kind, Name: n.Device, Addressing: noAddress(), OnBoot: n.OnBoot, Options: slices.Clone(n.Options)})
		}
	}
	for _, n := range own {
		if err := r.line(n); err != nil {
			return nil, err
		}
	}
	return r.sorted()
}

func (r *resolver) byName(name string) *Device {
	for _, d := range r.list {
		if d.Name == name {
			return d
		}
	}
	return nil
}

func (r *resolver) line(n Line) error {
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
				return fmt.Errorf("the primary of %s, %s, is not one of its members", d.Name, o.Value)
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
		v := &Device{Kind: kindVLAN, Name: name, Parent: d.Name, VLAN: n.VLAN, OnBoot: n.OnBoot, MTU: n.MTU}
		r.list = append(r.list, v)
		d = v
	}
	if d.addressed {
		return fmt.Errorf("two network lines mean the same card, %s", NICNames([]NIC{{d.Name, d.MAC}}))
	}
	d.Addressing, d.addressed = n.Addressing, true
	return nil
}

// device is the device that a word means: a bond, bridge or VLAN of the Kickstart, or a
// card.
func (r *resolver) device(word string) (*Device, error) {
	if d := r.byName(word); d != nil && word != "" {
		return d, nil
	}
	want := word
	if want == "" || want == "link" || want == "bootif" {
		want = r.boot
	}
	mac, found := "", ""
	if hw, err := net.ParseMAC(want); err == nil {
		mac = hw.String()
	}
	for _, nic := range r.nics {
		if nic.Name == want || (mac != "" && nic.MAC == mac) {
			found = nic.MAC
		}
	}
	switch {
	case found == "" && mac != "":
		return nil, fmt.Errorf("the Kickstart's network --device=%s is not a network card of this machine: %s", word, NICNames(r.nics))
	case found == "" && want == "":
		return nil, fmt.Errorf("the card that this machine booted from is not known: name one with network --device=MAC; it has: %s", NICNames(r.nics))
	}
	for _, d := range r.list {
		if found != "" && d.MAC == found {
			return d, nil
		}
	}
	d := &Device{Kind: kindCard, Name: want, MAC: found, Addressing: noAddress()}
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

// sorted puts cards first, then what stands on them, and checks that nothing has
// addresses as a member.
func (r *resolver) sorted() ([]Device, error) {
	var out []Device
	done := map[string]bool{}
	for len(out) < len(r.list) {
		before := len(out)
		for _, d := range r.list {
			ready := !done[d.Name] && (d.Parent == "" || done[d.Parent]) &&
				!slices.ContainsFunc(d.Members, func(m string) bool { return !done[m] })
			if !ready {
				continue
			}
			if d.Master != "" && d.addressed && d.Kind == kindCard {
				return nil, fmt.Errorf("%s is a member of %s: a network line of its own can't give it addresses", NICNames([]NIC{{d.Name, d.MAC}}), d.Master)
			}
			if d.Master != "" {
				d.Addressing = noAddress() // a member has no addresses; its master has them
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
