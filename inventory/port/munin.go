package port

import (
	"bytes"
	"cmp"
	"fmt"

	"rackhand/inventory"
)

// Munin writes the hosts of a Munin master, as a file for its folder munin-conf.d: each host
// in the group of the inventory, with its address. Which hosts run munin-node isn't known
// here: the master shows those that don't answer as such.
func Munin(s *inventory.Snapshot) []byte {
	var b bytes.Buffer
	for _, h := range hosts(s) {
		if !h.Address.IsValid() {
			continue
		}
		fmt.Fprintf(&b, "[%s;%s]\n    address %s\n    use_node_name yes\n\n", cmp.Or(h.Group, "hosts"), h.Name, h.Address)
	}
	return b.Bytes()
}
