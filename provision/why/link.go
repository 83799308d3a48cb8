package why

import "rackhand/provision"

// sharable reports whether the cause of a rule can be a link's.
func sharable(rule string) bool {
	_, ok := linkCauses()[rule]
	return ok || sameCause(rule)
}

// sameCause reports whether boxes that stop by a rule share a cause if its text is the same:
// a missing image stops all of them.
func sameCause(rule string) bool { return rule == "lacks" || rule == "no-address" }

// A shared is the cause and the remedy when several boxes on one link stop by one rule.
type shared struct {
	causes []provision.Cause
	remedy provision.Remedy
}

// linkCauses are the rules whose cause can be a link's, and what it is then.
func linkCauses() map[string]shared {
	doctor := "rackhand doctor"
	return map[string]shared{
		"not-on-the-wire": {
			[]provision.Cause{
				{Text: "The switch does not carry these ports to the appliance: VLAN, uplink or a switch without power.", Decider: "If another box on that switch gets an address, it is the VLAN of these ports."},
				{Text: "The boxes never asked: the boot override of this model is ignored.", Decider: "If their link lights are on and their consoles show a system, it is the override."},
			},
			provision.Remedy{Text: "Check the VLAN of the ports and the switch's uplink.", Command: doctor},
		},
		"port-waits": {
			[]provision.Cause{{Text: "The ports of this switch forward nothing for the first 30 s (spanning tree)."}},
			provision.Remedy{Text: "Set portfast, or edge, on the ports of the boxes."},
		},
		"offers-lost": {
			[]provision.Cause{{Text: "The switch or the relay drops the appliance's offers: DHCP snooping does not trust the appliance's port, or the relay does not pass answers back."}},
			provision.Remedy{Text: "Trust the appliance's port in DHCP snooping, and check the relay's address of the appliance.", Command: doctor},
		},
		"other-server": {
			[]provision.Cause{{Text: "Another DHCP server on this link answers, and the boxes choose it."}},
			provision.Remedy{Text: "Switch that server off, or run this network as a proxy beside it: `dhcp: proxy`.", Command: doctor},
		},
		"nothing-asked": {
			[]provision.Cause{
				{Text: "A firewall drops UDP port 69 between the boxes and the appliance.", Decider: "If `rackhand doctor` reports the port as closed, it is the firewall."},
				{Text: "Another PXE server answered the boxes' boot requests.", Decider: "If `rackhand doctor` finds a second PXE server, it is that one."},
			},
			provision.Remedy{Text: "Look for both.", Command: doctor},
		},
		"answers-lost": {
			[]provision.Cause{
				{Text: "A firewall drops the TFTP answers, which come from ports above 1023.", Decider: "If packets of 512 bytes arrive and no file does, it is the firewall."},
				{Text: "The path carries no packets of the usual size (MTU).", Decider: "If the first packet arrives and larger ones don't, it is the MTU."},
			},
			provision.Remedy{Text: "Allow UDP between the appliance and this link on all ports, and check the MTU of the path.", Command: doctor},
		},
		"transfer-loss": {
			[]provision.Cause{{Text: "The link loses packets: an overloaded uplink, a duplex mismatch or a bad cable between the switches."}},
			provision.Remedy{Text: "Look at the error counters of the switch's uplink."},
		},
		"kernel-breaks": {
			[]provision.Cause{{Text: "The link carries no large transfers: its MTU is smaller than the appliance's, or it loses packets."}},
			provision.Remedy{Text: "Compare the MTU of the switch's ports with `mtu:` of the network."},
		},
		"initramfs-silent": {
			[]provision.Cause{
				{Text: "The boxes' network card has no driver or firmware in the installer's initramfs.", Decider: "If the boxes are of one model, it is the driver."},
				{Text: "The installer's kernel asks on another VLAN than the firmware did.", Decider: "If the ports have a tagged VLAN, it is the VLAN."},
			},
			provision.Remedy{Text: "Look at one box's console."},
		},
	}
}

func linkCause(rule string) ([]provision.Cause, provision.Remedy) {
	c := linkCauses()[rule]
	return c.causes, c.remedy
}

// LinksOf are the links of a host, the nearest first: the switch as the latest relay or
// switch named it, and the network.
func LinksOf(c Case) []string {
	var out []string
	for i := len(c.Events) - 1; i >= 0; i-- {
		if remote := c.Events[i].Fields["remote"]; remote != "" && c.Events[i].Source == "dhcp" {
			out = append(out, "the switch "+remote)
			break
		}
	}
	if c.Host != nil && c.Host.Network != nil {
		out = append(out, "network "+c.Host.Network.Name)
	}
	return out
}
