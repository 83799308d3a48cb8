package dhcp

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// What makes an offer a proxy's (PXE specification 2.1, section 2.2.3).
const (
	pxeClass = "PXEClient"
	// Option 43 with sub-option 6, discovery control, bit 3: load the boot file that
	// is named here, without looking for boot servers or showing a menu. 255 ends it.
	pxeJustLoad = "\x06\x01\x08\xff"
)

// proxyOffer is the OFFER of a proxy: no address, but what to load. It is nil when
// this client loads nothing from us: then it had better never hear of us, and go on
// to its disk.
func (v view) proxyOffer(req request) *dhcpv4.DHCPv4 {
	if v.bootFile() == "" {
		return nil
	}
	r := v.skeleton(req.packet, dhcpv4.MessageTypeOffer)
	// There is no address that a relay, or we, could send it to.
	r.SetBroadcast()
	v.proxyBoot(r, req.packet)
	if v.client.kind == boot.PXE && v.decision.Host.Boot.Proxy == inventory.ProxyBINL {
		// UEFI asks at port 4011 of siaddr when there is no option 43 beside 60
		// (EDK2, PxeBcParseDhcp4Packet), whatever file is named. A ROM that takes the
		// file at its word would load it without an address, so there is none.
		r.BootFileName = ""
		for _, code := range []dhcpv4.OptionCode{dhcpv4.OptionVendorSpecificInformation, dhcpv4.OptionBootfileName, dhcpv4.OptionTFTPServerName} {
			r.DeleteOption(code)
		}
	}
	return r
}

// binlAck is the answer on port 4011, to a client that has its address: what to
// load. Nil when it loads nothing from us.
func (v view) binlAck(req request) *dhcpv4.DHCPv4 {
	if v.bootFile() == "" {
		return nil
	}
	r := v.skeleton(req.packet, dhcpv4.MessageTypeAck)
	r.ClientIPAddr = req.packet.ClientIPAddr
	v.proxyBoot(r, req.packet)
	return r
}

// proxyBoot puts what the client loads into a proxy's reply, and the marks by which
// it takes it for one.
func (v view) proxyBoot(r, req *dhcpv4.DHCPv4) {
	v.setBoot(r)
	// No "don't wait for a proxy" from the proxy itself.
	r.DeleteOption(optIPXE)
	switch v.client.kind {
	case boot.PXE:
		put(r, dhcpv4.OptionClassIdentifier, []byte(pxeClass))              // 60
		put(r, dhcpv4.OptionVendorSpecificInformation, []byte(pxeJustLoad)) // 43
	case boot.IPXE:
		// It takes an offer without an address by this alone, and registers it as
		// settings of their own ("proxydhcp"), whose file it boots; without a file it
		// would ask at port 4011 (src/net/udp/dhcp.c).
		put(r, dhcpv4.OptionClassIdentifier, []byte(pxeClass))
	}
	echo(r, req)
}

// proxyRoute says where a proxy's offer goes: to everyone, or to the relay.
func proxyRoute(req request) destination {
	if relay := req.client.relay.addr; relay.IsValid() {
		return destination{to: netip.AddrPortFrom(relay, dhcpv4.ServerPort)}
	}
	return destination{to: netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), dhcpv4.ClientPort)}
}
