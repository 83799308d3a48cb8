package preview

import (
	"fmt"

	"rackhand/inventory"
)

// notSetUp warns of a host whose `bmc.setup` does less than it says.
func notSetUp(snap *inventory.Snapshot, h *inventory.Host) []finding {
	if h.BMC == nil || !h.BMC.Setup || h.System == nil || h.Install == inventory.Never {
		return nil
	}
	if h.System.Installer != inventory.InstallerImage {
		return warned(h, "its installer, Anaconda, doesn't set up its BMC",
			"set the BMC up by hand, or with ipmitool in a %post; without `setup: true` nothing is said")
	}
	if snap.NetworkOf(h.BMC.Address.Addr()) == nil {
		return warned(h, fmt.Sprintf("its installer doesn't set the address of its BMC: %s is in no network of the inventory, so its subnet mask isn't known", h.BMC.Address.Addr()),
			"declare the network of the BMCs with its subnet; it needs no leases")
	}
	return nil
}
