package netconf

import (
	"cmp"
	"strings"
)

// A NIC is a network card: its name in the installer, and its MAC in lower case with colons.
type NIC struct{ Name, MAC string }

// NICNames lists cards for an error: "eth0 52:54:00:00:00:01, eth1 ...", or "none".
func NICNames(nics []NIC) string {
	var out []string
	for _, n := range nics {
		out = append(out, strings.TrimSpace(n.Name+" "+n.MAC))
	}
	return cmp.Or(strings.Join(out, ", "), "none")
}
