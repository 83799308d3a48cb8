package dhcp

import (
	"context"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
)

// proxy answers a request on a network where another server gives the addresses.
func (s *Server) proxy(_ context.Context, _ *inventory.Snapshot, _ *inventory.Network, _ client, _ *dhcpv4.DHCPv4) (reply []byte, to destination, ok bool) {
	return nil, to, false
}
