//go:build e2e

package simulated_test

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
)

// A forger sends datagrams from any address, on a link of its own.
type forger struct {
	link *net.Interface
	conn *packet.Conn
	to   net.HardwareAddr // the appliance's
}

var (
	broadcast = netip.MustParseAddr("255.255.255.255")
	nowhere   = netip.MustParseAddr("0.0.0.0")
	appliance = netip.MustParseAddr("10.77.0.1")
	otherDHCP = netip.MustParseAddr("10.77.0.2")
)

func newForger(name string, to net.HardwareAddr) (*forger, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	conn, err := packet.Listen(link, packet.Raw, 0, nil)
	return &forger{link, conn, to}, err
}

// datagram sends one, in a frame with the forger's own hardware address.
func (f *forger) datagram(from, to netip.AddrPort, payload []byte) error {
	udp := &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}
	return f.send(from.Addr(), to.Addr(), layers.IPProtocolUDP, udp, udp, payload)
}

func (f *forger) send(from, to netip.Addr, protocol layers.IPProtocol, what gopacket.SerializableLayer, udp *layers.UDP, payload []byte) error {
	hw := f.to
	if to == broadcast {
		hw = layers.EthernetBroadcast
	}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
	if udp != nil {
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			return err
		}
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: f.link.HardwareAddr, DstMAC: hw, EthernetType: layers.EthernetTypeIPv4}, ip, what, gopacket.Payload(payload))
	if err != nil {
		return err
	}
	_, err = f.conn.WriteTo(b.Bytes(), &packet.Addr{HardwareAddr: hw})
	return err
}

// dhcp sends a message of a client by broadcast.
func (f *forger) dhcp(mac net.HardwareAddr, kind dhcpv4.MessageType, options ...dhcpv4.Modifier) error {
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(kind), dhcpv4.WithBroadcast(true)}, options...)...)
	if err != nil {
		return err
	}
	return f.datagram(netip.AddrPortFrom(nowhere, 68), netip.AddrPortFrom(broadcast, 67), m.ToBytes())
}

func server(a netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(a.AsSlice()))
}

func wants(a netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(a.AsSlice()))
}

// programs are the programs that may ask for an address.
var programs = []string{"system", "BIOS", "UEFI", "HTTP", "iPXE"}

// as are the options by which a program is known.
func as(client string) dhcpv4.Modifier {
	return func(m *dhcpv4.DHCPv4) {
		arch := []byte{0, 7}
		switch client {
		case "system":
			return
		case "BIOS":
			arch = []byte{0, 0}
		case "HTTP":
			arch = []byte{0, 0x10}
			m.UpdateOption(dhcpv4.OptClassIdentifier("HTTPClient:Arch:00016:UNDI:003001"))
		case "iPXE":
			m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionUserClassInformation, []byte("iPXE")))
			m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(175), []byte{0x13, 1, 1}))
		}
		if client != "HTTP" {
			m.UpdateOption(dhcpv4.OptClassIdentifier("PXEClient:Arch:00007:UNDI:003001"))
		}
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientSystemArchitectureType, arch))
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientNetworkInterfaceIdentifier, []byte{1, 3, 1}))
	}
}

// storm sends a forged datagram of every kind in the name of a box.
func (f *forger) storm(box *victim) error {
	elsewhere, stranger := netip.MustParseAddr("10.77.0.177"), net.HardwareAddr{0x52, 0x54, 0, 0, 0x66, 1}
	var errs []error
	say := func(mac net.HardwareAddr, kind dhcpv4.MessageType, options ...dhcpv4.Modifier) {
		errs = append(errs, f.dhcp(mac, kind, options...))
	}
	// Relays of our own link, and ciaddr, come from the box's address.
	unicast := func(port uint16, kind dhcpv4.MessageType, options ...dhcpv4.Modifier) {
		m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(box.mac), dhcpv4.WithMessageType(kind), dhcpv4.WithClientIP(box.addr.AsSlice())}, options...)...)
		errs = append(errs, err, f.datagram(netip.AddrPortFrom(box.addr, 68), netip.AddrPortFrom(appliance, port), m.ToBytes()))
	}
	for _, client := range programs {
		say(box.mac, dhcpv4.MessageTypeDiscover, as(client))
		say(box.mac, dhcpv4.MessageTypeRequest, as(client), wants(elsewhere))
		unicast(4011, dhcpv4.MessageTypeRequest, as(client))
		unicast(4011, dhcpv4.MessageTypeInform, as(client))
		for _, s := range []netip.Addr{appliance, otherDHCP} {
			say(box.mac, dhcpv4.MessageTypeRequest, as(client), server(s), wants(elsewhere))
			say(stranger, dhcpv4.MessageTypeRequest, as(client), server(s), wants(box.addr))
			say(box.next, dhcpv4.MessageTypeRequest, as(client), server(s), wants(box.addr))
			say(box.card, dhcpv4.MessageTypeDiscover, as(client))
			say(box.card, dhcpv4.MessageTypeRequest, as(client), server(s), wants(box.addr))
		}
	}
	for _, s := range []netip.Addr{appliance, otherDHCP} {
		for _, a := range []netip.Addr{box.addr, elsewhere} {
			say(box.mac, dhcpv4.MessageTypeDecline, server(s), wants(a))
			say(box.mac, dhcpv4.MessageTypeRelease, server(s), dhcpv4.WithClientIP(a.AsSlice()))
			say(box.mac, dhcpv4.MessageTypeInform, server(s), dhcpv4.WithClientIP(a.AsSlice()))
		}
		unicast(67, dhcpv4.MessageTypeRelease, server(s))
	}
	say(box.card, dhcpv4.MessageTypeRequest, wants(box.addr)) // as after a restart
	unicast(67, dhcpv4.MessageTypeRequest)
	unicast(67, dhcpv4.MessageTypeInform)
	hexMAC := box.mac.String()
	for i, name := range []string{
		"ipxe/" + hexMAC, "grub/grub.cfg", "grub/x86_64-efi/grub.cfg", "grub/grub.cfg-01-" + dashed(box.mac),
		"snponly.efi", "image/debian12/vmlinuz", "image/debian12/initrd.img",
	} {
		from := netip.AddrPortFrom(box.addr, uint16(2000+i))
		errs = append(errs, f.datagram(from, netip.AddrPortFrom(appliance, 69), fmt.Appendf(nil, "\x00\x01%s\x00octet\x00", name)))
		errs = append(errs, f.datagram(from, netip.AddrPortFrom(appliance, 69), []byte("\x00\x04\x00\x01")), f.datagram(from, netip.AddrPortFrom(appliance, 69), []byte("\x00\x05\x00\x00no\x00")))
	}
	for _, line := range []string{
		"packaging: 2 packages selected totalling 1 B", "packaging: Installed: bash-5.1.8-9.el9.x86_64 1 2", "packaging: Installed: zsh-5.1.8-9.el9.x86_64 1 2",
		"packaging: Post installation setup phase started.", "Installing bash.x86_64 (2/2)",
	} {
		errs = append(errs, f.datagram(netip.AddrPortFrom(box.addr, 514), netip.AddrPortFrom(appliance, 514), fmt.Appendf(nil, "<142>Nov 30 10:00:00 localhost anaconda[1653]: %s\n", line)))
	}
	for _, kind := range []layers.ICMPv4TypeCode{layers.CreateICMPv4TypeCode(0, 0), layers.CreateICMPv4TypeCode(3, 3), layers.CreateICMPv4TypeCode(3, 1)} {
		icmp := &layers.ICMPv4{TypeCode: kind}
		errs = append(errs, f.send(box.addr, appliance, layers.IPProtocolICMPv4, icmp, nil, nil))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func dashed(mac net.HardwareAddr) string {
	return fmt.Sprintf("%02x-%02x-%02x-%02x-%02x-%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
}
