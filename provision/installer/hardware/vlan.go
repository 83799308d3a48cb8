package hardware

import "net"

// A VLAN is the VLAN of the installer's network. ID is 0 without one.
type VLAN struct {
	ID   int
	Name string // of the tagged device
	Card string // of the card below it, as ifname= may call it
	MAC  net.HardwareAddr
}
