package dhcp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision/boot"
)

// iPXE's own option and the parts of it that matter here (ipxe.org/howto/dhcpd;
// src/include/ipxe/dhcp.h, features.h).
const (
	optIPXE     = dhcpv4.GenericOptionCode(175) // encapsulates the ones below
	ipxeHTTP    = 0x13                          // it can fetch by HTTP
	ipxeEFI     = 0x24                          // it runs on UEFI
	ipxeNoProxy = 0xb0                          // 176: 1 = don't wait 2 s for a proxyDHCP server
)

// maxFile is what the header's file field holds besides its NUL (RFC 2131
// section 2).
const maxFile = 127

// configure puts the network's settings into a reply. Mask, router and name
// servers are always sent, the rest when asked for (option 55). UEFI's HTTP
// client has a garbage byte in that list, so nothing that booting needs may
// depend on it.
func (v view) configure(resp, req *dhcpv4.DHCPv4) {
	n := v.network
	put(resp, dhcpv4.OptionSubnetMask, net.CIDRMask(n.Subnet.Bits(), 32)) // 1
	if n.Gateway.Is4() {
		put(resp, dhcpv4.OptionRouter, n.Gateway.AsSlice()) // 3
	}
	putAddrs(resp, dhcpv4.OptionDomainNameServer, n.DNS)                        // 6
	if v.decision.Host != nil && req.IsOptionRequested(dhcpv4.OptionHostName) { // 12
		put(resp, dhcpv4.OptionHostName, []byte(v.decision.Host.Name))
	}
	if n.Domain != "" && req.IsOptionRequested(dhcpv4.OptionDomainName) { // 15
		put(resp, dhcpv4.OptionDomainName, []byte(n.Domain))
	}
	if req.IsOptionRequested(dhcpv4.OptionNTPServers) { // 42
		putAddrs(resp, dhcpv4.OptionNTPServers, n.NTP)
	}
}

// setTimes puts the lease's times into a reply: 51 its length, 58 when the client
// renews (T1, half), 59 when it rebinds (T2, seven eighths; RFC 2131 section
// 4.4.5).
func (v view) setTimes(resp *dhcpv4.DHCPv4) {
	putSeconds(resp, dhcpv4.OptionIPAddressLeaseTime, v.leaseTime)
	putSeconds(resp, dhcpv4.OptionRenewTimeValue, v.leaseTime/2)
	putSeconds(resp, dhcpv4.OptionRebindingTimeValue, v.leaseTime*7/8)
}

// setBoot puts what the client loads into a reply. Only firmware and iPXE get
// any: debian-installer takes a boot file for its preseed.
func (v view) setBoot(resp *dhcpv4.DHCPv4) {
	if v.client.ipxe {
		put(resp, optIPXE, []byte{ipxeNoProxy, 1, 1})
	}
	file := v.bootFile()
	if file == "" {
		return
	}
	if len(file) <= maxFile {
		resp.BootFileName = file
	}
	switch v.client.kind {
	case boot.PXE:
		// Option 60 is left out on purpose: with it and without a valid option 43,
		// UEFI takes us for a boot information server and asks at port 4011.
		resp.ServerIPAddr = v.server.AsSlice()
		put(resp, dhcpv4.OptionTFTPServerName, []byte(v.server.String())) // 66
		// UEFI prefers 67 to the header, and writes a NUL behind it when there is
		// none, over whatever follows.
		put(resp, dhcpv4.OptionBootfileName, append([]byte(file), 0))
	case boot.HTTPBoot:
		// UEFI's HTTP client passes over any offer that doesn't say so.
		put(resp, dhcpv4.OptionClassIdentifier, []byte("HTTPClient"))
		put(resp, dhcpv4.OptionBootfileName, append([]byte(file), 0))
	case boot.IPXE:
		resp.ServerIPAddr = v.server.AsSlice()
		put(resp, dhcpv4.OptionBootfileName, []byte(file))
	}
}

// bootFile is what this client loads: a TFTP name for PXE, a URL for HTTP boot and
// iPXE, "" for nothing.
func (v view) bootFile() string {
	d, c := v.decision, v.client
	switch {
	case d.Host == nil || v.address != d.Host.Address:
		// A second card of a host whose address is in use by the first one: the
		// installer would be refused there.
		return ""
	case c.kind == boot.IPXE && d.Script:
		return v.scriptURL(c.mac)
	case c.kind == boot.HTTPBoot && d.Program != "":
		return v.fileURL(d.Program)
	case c.kind == boot.PXE && d.Program != "":
		return d.Program
	}
	return ""
}

// echo copies from the request what a reply must carry back: 97 for firmware
// (RFC 4578 section 2.3). 61 (RFC 6842) and 82 (RFC 3046, which the library
// writes last) are in every reply already.
func echo(resp, req *dhcpv4.DHCPv4) {
	if guid := req.Options.Get(dhcpv4.OptionClientMachineIdentifier); guid != nil {
		put(resp, dhcpv4.OptionClientMachineIdentifier, guid)
	}
}

func put(p *dhcpv4.DHCPv4, code dhcpv4.OptionCode, value []byte) {
	p.UpdateOption(dhcpv4.OptGeneric(code, value))
}

func putSeconds(p *dhcpv4.DHCPv4, code dhcpv4.OptionCode, d time.Duration) {
	put(p, code, binary.BigEndian.AppendUint32(nil, uint32(d/time.Second)))
}

// putAddrs writes a list of IPv4 addresses, at most eight: no client uses more,
// and the packet must stay within 576 bytes.
func putAddrs(p *dhcpv4.DHCPv4, code dhcpv4.OptionCode, addrs []netip.Addr) {
	const most = 8
	var value []byte
	for _, a := range addrs {
		if a.Is4() && len(value) < 4*most {
			value = append(value, a.AsSlice()...)
		}
	}
	if len(value) > 0 {
		put(p, code, value)
	}
}
