package doctor

import (
	"fmt"
	"strings"

	"rackhand/inventory"
)

// Foreign are the answerers that give addresses and aren't this machine: two such
// servers on one link give boxes addresses in turns.
func Foreign(answers []Answerer) []Answerer { return others(answers, true) }

// ForeignPXE are those that give firmware something to boot and no addresses, and
// aren't this machine.
func ForeignPXE(answers []Answerer) []Answerer { return others(answers, false) }

func others(answers []Answerer, giveAddresses bool) []Answerer {
	var out []Answerer
	for _, a := range answers {
		if !a.Ours && (a.Kind != PXE) == giveAddresses {
			out = append(out, a)
		}
	}
	return out
}

// Fits says which mode fits what answers on a link, and why.
func Fits(answers []Answerer) (inventory.DHCPMode, string) {
	servers, pxe := Foreign(answers), ForeignPXE(answers)
	boots := append([]Answerer(nil), pxe...)
	for _, a := range servers {
		if a.Kind == BootServer {
			boots = append(boots, a)
		}
	}
	switch {
	case len(servers) == 0 && len(pxe) == 0:
		return inventory.DHCPAuthoritative, "no other server answers DHCP on this link"
	case len(servers) == 0:
		return inventory.DHCPAuthoritative, "no server assigns addresses, but boot options come from " + names(pxe) + ": switch that off, since firmware may take its boot file"
	case len(boots) > 0:
		return inventory.DHCPOff, "machines are booted already, by " + names(boots) + ": keep that and stay off; or take its boot options away and use proxy"
	}
	return inventory.DHCPProxy, "addresses come from " + names(servers) + ", with nothing to boot: rackhand adds the boot options"
}

// Judge returns the findings about the answers for a network. The network is nil when the
// inventory has none for the link.
func Judge(n *inventory.Network, answers []Answerer) []Finding {
	servers, pxe := Foreign(answers), ForeignPXE(answers)
	fits, why := Fits(answers)
	var out []Finding
	if n == nil {
		f := Finding{OK, "no other DHCP server answers", "", false}
		if len(servers)+len(pxe) > 0 {
			f = Finding{Note, "others answer DHCP here: " + List(append(servers, pxe...)), "the mode that fits is " + string(fits) + ": " + why, false}
		}
		return append(out, f)
	}
	switch n.Mode() {
	case inventory.DHCPAuthoritative:
		out = append(out, judgeAuthoritative(n, servers))
	case inventory.DHCPProxy:
		out = append(out, judgeProxy(n, servers))
	case inventory.DHCPOff:
		f := Finding{OK, fmt.Sprintf("rackhand is off on network %s; addresses come from %s", n.Name, names(servers)), "", false}
		if len(servers) == 0 {
			f = Finding{Note, fmt.Sprintf("rackhand is off on network %s, and no server assigns addresses there", n.Name), "to boot boxes there, write `dhcp: authoritative`", false}
		}
		return append(out, f)
	}
	for _, a := range pxe {
		out = append(out, Finding{Warning, "another PXE answerer: " + a.Text(), "firmware may take its boot file instead of ours: switch it off on this link", false})
	}
	return out
}

func judgeAuthoritative(n *inventory.Network, servers []Answerer) Finding {
	switch {
	case len(servers) == 0:
		return Finding{OK, "no other DHCP server answers", "", false}
	case n.AllowOtherDHCP:
		return Finding{Warning, "another DHCP server answers, which allow_other_dhcp allows: " + List(servers), "boxes get an address from the faster server, and boot options only if that is this one", false}
	}
	hint := "switch it off on this link"
	proxy := fmt.Sprintf("write `dhcp: proxy` for network %s", n.Name)
	if n.Leases.First.IsValid() {
		proxy += " in place of its `leases`" // rackhand check refuses the two together
		if n.UnclaimedWait > 0 {
			proxy += " and `unclaimed`"
		}
	}
	if fits, _ := Fits(servers); fits == inventory.DHCPProxy {
		hint += "; or keep it, and " + proxy + ": it gives the addresses, rackhand the boot options"
	} else {
		hint += "; or take its boot options away, keep it, and " + proxy + "; or `dhcp: off`"
	}
	hint += "; or, if you know that they don't fight, write `allow_other_dhcp: true`"
	return Finding{Problem, "another DHCP server answers: " + List(servers) + fmt.Sprintf("; so rackhand gives no addresses on network %s", n.Name), hint, false}
}

func judgeProxy(n *inventory.Network, servers []Answerer) Finding {
	if len(servers) == 0 {
		return Finding{Warning, fmt.Sprintf("network %s says `dhcp: proxy`, but no server assigns addresses there", n.Name), "start its DHCP server; or write `dhcp: authoritative`, and rackhand assigns them", false}
	}
	for _, a := range servers {
		if a.Kind == BootServer {
			return Finding{Warning, "the DHCP server has boot options of its own: " + List(servers), "firmware may take its boot file instead of ours: take the boot options away there", false}
		}
	}
	return Finding{OK, "addresses come from " + names(servers) + ", boot options from rackhand", "", false}
}

// names are the addresses of servers that answered.
func names(answers []Answerer) string {
	var out []string
	for i, a := range answers {
		if i == maxListed {
			out = append(out, fmt.Sprintf("%d more", len(answers)-i))
			break
		}
		out = append(out, a.Server.String())
	}
	return strings.Join(out, " and ")
}

// maxListed bounds what one sentence names.
const maxListed = 4

// List says who answered, and with what.
func List(answers []Answerer) string {
	var out []string
	for i, a := range answers {
		if i == maxListed {
			out = append(out, fmt.Sprintf("and %d more", len(answers)-i))
			break
		}
		out = append(out, a.Text())
	}
	return strings.Join(out, "; ")
}
