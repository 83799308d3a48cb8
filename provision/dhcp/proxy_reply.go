package dhcp

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// What marks a proxy's offer (PXE specification 2.1, section 2.2.3).
const (
	pxeClass = "PXEClient"
	// Option 43 with sub-option 6, discovery control, bit 3: load the named boot file,
	// without a search for boot servers and without a menu. 255 ends it.
	pxeJustLoad = "\x06\x01\x08\xff"
)

// proxyOffer is the OFFER of a proxy: it has a boot file and no address. It is nil when
// this client loads nothing from us. Without an offer the client goes on to its disk.
func (v view) proxyOffer(req request) *dhcpv4.DHCPv4 {
	if v.bootFile() == "" {
		return nil
	}
	r := v.skeleton(req.packet, dhcpv4.MessageTypeOffer)
	// The client has no address that a relay, or we, could send it to.
	r.SetBroadcast()
	v.proxyBoot(r, req.packet)
	if v.client.kind == boot.PXE && v.decision.Host.Boot.Proxy == inventory.ProxyBINL {
		// UEFI asks at port 4011 of siaddr when option 60 comes without option 43 (EDK2,
		// PxeBcParseDhcp4Packet), whatever file is named. A ROM would load a named file at
		// once, without an address, so the offer names none.
		r.BootFileName = ""
		for _, code := range []dhcpv4.OptionCode{dhcpv4.OptionVendorSpecificInformation, dhcpv4.OptionBootfileName, dhcpv4.OptionTFTPServerName} {
			r.DeleteOption(code)
		}
	}
	return r
}

// binlAck is the answer on port 4011, to a client that has an address. It is nil when this
// client loads nothing from us.
func (v view) binlAck(req request) *dhcpv4.DHCPv4 {
	if v.bootFile() == "" {
		return nil
	}
	r := v.skeleton(req.packet, dhcpv4.MessageTypeAck)
	r.ClientIPAddr = req.packet.ClientIPAddr
	v.proxyBoot(r, req.packet)
	return r
}

// proxyBoot puts the boot file into a proxy's reply, and the options that mark the reply as
// a proxy's.
func (v view) proxyBoot(r, req *dhcpv4.DHCPv4) {
	v.setBoot(r)
	// It says "don't wait for a proxy", which makes no sense in a proxy's reply.
	r.DeleteOption(optIPXE)
	switch v.client.kind {
	case boot.PXE:
		put(r, dhcpv4.OptionClassIdentifier, []byte(pxeClass))              // 60
		put(r, dhcpv4.OptionVendorSpecificInformation, []byte(pxeJustLoad)) // 43
	case boot.IPXE:
		// Only this class makes iPXE accept an offer without an address. It stores the
		// offer as separate settings ("proxydhcp") and boots their file. Without a file it
		// would ask at port 4011 (src/net/udp/dhcp.c).
		put(r, dhcpv4.OptionClassIdentifier, []byte(pxeClass))
	}
	echo(r, req)
}

// proxyRoute is the destination of a proxy's offer: broadcast, or the relay.
func proxyRoute(req request) destination {
	if relay := req.client.relay.addr; relay.IsValid() {
		return destination{to: netip.AddrPortFrom(relay, dhcpv4.ServerPort)}
	}
	return destination{to: netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), dhcpv4.ClientPort)}
}
