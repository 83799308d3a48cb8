package trace

import (
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// frame is the packet in an Ethernet frame; nil when it doesn't fit into one.
func (d DHCP) frame() []byte {
	eth := &layers.Ethernet{SrcMAC: d.From.MAC.HardwareAddr(), DstMAC: d.To.MAC.HardwareAddr(), EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: d.From.IP[:], DstIP: d.To.IP[:]}
	udp := &layers.UDP{SrcPort: layers.UDPPort(d.From.Port), DstPort: layers.UDPPort(d.To.Port)}
	if udp.SetNetworkLayerForChecksum(ip) != nil {
		return nil
	}
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, udp, gopacket.Payload(d.Packet))
	if err != nil {
		return nil
	}
	return buf.Bytes()
}
