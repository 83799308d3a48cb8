package dhcp

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/provision/boot"
)

// iPXE's own option and those of its sub-options that matter here (ipxe.org/howto/dhcpd;
// src/include/ipxe/dhcp.h, features.h).
const (
	optIPXE     = dhcpv4.GenericOptionCode(175) // encapsulates the ones below
	ipxeHTTP    = 0x13                          // it can fetch by HTTP
	ipxeEFI     = 0x24                          // it runs on UEFI
	ipxeNoProxy = 0xb0                          // 176: 1 = don't wait 2 s for a proxyDHCP server
)

// Options that the operator can't set by number.
var (
	// reservedOptions are pad and end, those of the protocol itself (50 to 59, 61, 82), and
	// the boot file (66, 67): a client that didn't ask for one must not get one.
	reservedOptions = [256]bool{
		0: true, 255: true,
		50: true, 51: true, 52: true, 53: true, 54: true, 55: true, 56: true, 57: true, 58: true, 59: true,
		61: true, 66: true, 67: true, 82: true,
	}
	// firmwareOptions change how firmware takes our answer. They go to other clients only.
	firmwareOptions = [256]bool{43: true, 60: true, 93: true, 94: true, 97: true}
)

// maxFile is the length of the header's file field without its NUL (RFC 2131 section 2).
const maxFile = 127

// configure puts the network's settings into a reply. Mask, router, name servers and the
// operator's options by number are always sent, the others when the client asks for them
// (option 55). UEFI's HTTP client sends a garbage byte in that list, so booting must not
// depend on it.
func (v view) configure(resp, req *dhcpv4.DHCPv4) {
	n := v.network
	for code, value := range n.Options {
		if !reservedOptions[code] && (!firmwareOptions[code] || !v.client.kind.Boots()) {
			resp.Options[code] = value // our own values replace it below
		}
	}
	put(resp, dhcpv4.OptionSubnetMask, net.CIDRMask(n.Subnet.Bits(), 32)) // 1
	if n.Gateway.Is4() {
		put(resp, dhcpv4.OptionRouter, n.Gateway.AsSlice()) // 3
	}
	putAddrs(resp, dhcpv4.OptionDomainNameServer, n.DNS) // 6
	if v.decision.Host != nil && asked(req, dhcpv4.OptionHostName) {
		put(resp, dhcpv4.OptionHostName, []byte(v.decision.Host.Name)) // 12
	}
	if n.Domain != "" && asked(req, dhcpv4.OptionDomainName) {
		put(resp, dhcpv4.OptionDomainName, []byte(n.Domain)) // 15
	}
	if n.MTU > 0 && asked(req, dhcpv4.OptionInterfaceMTU) {
		put(resp, dhcpv4.OptionInterfaceMTU, binary.BigEndian.AppendUint16(nil, uint16(min(n.MTU, 0xffff)))) // 26
	}
	if asked(req, dhcpv4.OptionNTPServers) {
		putAddrs(resp, dhcpv4.OptionNTPServers, n.NTP) // 42
	}
	if list := searchList(n.Search); len(list) > 0 && asked(req, dhcpv4.OptionDNSDomainSearchList) {
		put(resp, dhcpv4.OptionDNSDomainSearchList, list) // 119
	}
	if table := routes(n.Routes, n.Gateway); len(table) > 0 && asked(req, dhcpv4.OptionClasslessStaticRoute) {
		put(resp, dhcpv4.OptionClasslessStaticRoute, table) // 121
	}
}

// asked reports whether a client wants an option: option 55 lists it, or is absent (RFC
// 2131 section 3.5).
func asked(req *dhcpv4.DHCPv4, code dhcpv4.OptionCode) bool {
	list, given := req.Options[dhcpv4.OptionParameterRequestList.Code()]
	return !given || bytes.IndexByte(list, code.Code()) >= 0
}

// setTimes puts the lease times into a reply (RFC 2131 section 4.4.5): 51 is the lease's
// length, 58 when the client renews (T1, half of it), 59 when it rebinds (T2, seven
// eighths).
func (v view) setTimes(resp *dhcpv4.DHCPv4) {
	putSeconds(resp, dhcpv4.OptionIPAddressLeaseTime, v.leaseTime)
	putSeconds(resp, dhcpv4.OptionRenewTimeValue, v.leaseTime/2)
	putSeconds(resp, dhcpv4.OptionRebindingTimeValue, v.leaseTime*7/8)
}

// setBoot puts the boot file into a reply. Only firmware and iPXE get one, because
// debian-installer would take it for a preseed file.
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
	switch {
	case v.byTFTP():
		// Option 60 is omitted on purpose: with it and without a valid option 43, UEFI
		// takes us for a boot information server and asks at port 4011.
		resp.ServerIPAddr = v.server.AsSlice()
		put(resp, dhcpv4.OptionTFTPServerName, []byte(v.server.String())) // 66
		// UEFI prefers 67 to the header. It writes a NUL behind the option's value when
		// there is none, over the byte that follows.
		put(resp, dhcpv4.OptionBootfileName, append([]byte(file), 0))
	case v.client.kind == boot.HTTPBoot:
		// UEFI's HTTP client ignores any offer without this class.
		put(resp, dhcpv4.OptionClassIdentifier, []byte("HTTPClient"))
		put(resp, dhcpv4.OptionBootfileName, append([]byte(file), 0))
	case v.client.kind == boot.IPXE:
		resp.ServerIPAddr = v.server.AsSlice()
		put(resp, dhcpv4.OptionBootfileName, []byte(file))
	}
}

// bootFile is the client's boot file: a TFTP name for PXE, a URL for HTTP boot and for an
// iPXE's script, "" for none.
func (v view) bootFile() string {
	d, c := v.decision, v.client
	switch {
	case d.Action != boot.Wait && (d.Host == nil || v.address != d.Host.Address):
		// A host's second card, while the first one uses the host's address: the installer
		// would be refused there.
		return ""
	case v.byTFTP():
		return d.Program
	case c.kind == boot.IPXE && d.Script && c.noHTTP && v.tftpScriptURL != nil:
		return v.tftpScriptURL(c.mac)
	case c.kind == boot.IPXE && d.Script:
		return v.scriptURL(c.mac)
	case c.kind == boot.HTTPBoot && d.Program != "":
		return v.fileURL(d.Program)
	}
	return ""
}

// byTFTP reports whether the client gets a program by TFTP: PXE does, and so does an iPXE
// in a card's ROM that the operator wants to replace (inventory.Boot.Program).
func (v view) byTFTP() bool {
	d, c := v.decision, v.client
	return d.Program != "" && (c.kind == boot.PXE || c.kind == boot.IPXE && !d.Script)
}

// echo copies the parts of a request that a reply must carry back: 97 for firmware (RFC
// 4578 section 2.3), and 118, without which its sender must discard the reply (RFC 3011
// section 2). Every reply has 61 (RFC 6842) and 82 (RFC 3046) already.
func echo(resp, req *dhcpv4.DHCPv4) {
	if guid := req.Options.Get(dhcpv4.OptionClientMachineIdentifier); guid != nil {
		put(resp, dhcpv4.OptionClientMachineIdentifier, guid)
	}
	if subnet := req.Options.Get(dhcpv4.OptionSubnetSelection); addrOf(subnet).IsValid() && addrOf(req.GatewayIPAddr).IsValid() {
		put(resp, dhcpv4.OptionSubnetSelection, subnet)
	}
}

func put(p *dhcpv4.DHCPv4, code dhcpv4.OptionCode, value []byte) {
	p.Options[code.Code()] = value
}

func putSeconds(p *dhcpv4.DHCPv4, code dhcpv4.OptionCode, d time.Duration) {
	put(p, code, binary.BigEndian.AppendUint32(nil, uint32(d/time.Second)))
}

// putAddrs writes a list of IPv4 addresses, at most eight: clients use no more, and the
// packet must stay within 576 bytes.
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
