package dhcp

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

func TestRecognise(t *testing.T) {
	cases := []struct {
		name string
		opts []option
		kind boot.Client
		arch boot.Arch
	}{
		{"nothing", nil, boot.Other, 0},
		{"dhclient", []option{raw(12, "node2")}, boot.Other, 0},
		{"anaconda", []option{raw(60, "anaconda-Linux 5.14 x86_64")}, boot.Other, 0},
		{"BIOS", []option{raw(60, "PXEClient:Arch:00000:UNDI:002001"), raw(93, "\x00\x00")}, boot.PXE, boot.ArchBIOS},
		{"BIOS, bare", []option{raw(60, "PXEClient")}, boot.PXE, boot.ArchBIOS},
		{"UEFI", []option{pxe}, boot.PXE, boot.ArchX64UEFI},
		{"UEFI, old", []option{raw(60, "PXEClient"), raw(93, "\x00\x09")}, boot.PXE, boot.ArchEBC},
		{"UEFI, only in 60", []option{raw(60, "PXEClient:Arch:00007:UNDI:003001")}, boot.PXE, boot.ArchX64UEFI},
		{"a list, the second one has a program", []option{raw(60, "PXEClient"), raw(93, "\x00\x06\x00\x07")}, boot.PXE, boot.ArchX64UEFI},
		{"a list, none has", []option{raw(60, "PXEClient"), raw(93, "\x00\x0b\x00\x06")}, boot.PXE, boot.ArchARM64UEFI},
		{"half an architecture", []option{raw(60, "PXEClient"), raw(93, "\x07")}, boot.PXE, boot.ArchBIOS},
		{"HTTP", []option{raw(60, "HTTPClient:Arch:00016:UNDI:003000"), raw(93, "\x00\x10")}, boot.HTTPBoot, boot.ArchX64HTTP},
		{"iPXE", []option{ipxe}, boot.IPXE, boot.ArchX64UEFI},
		{"iPXE, as RFC 3004", []option{raw(77, "\x04iPXE")}, boot.IPXE, boot.ArchBIOS},
		{"iPXE, second class", []option{raw(77, "\x03abc\x04iPXE")}, boot.IPXE, boot.ArchBIOS},
		{"iPXE, by 175 alone", []option{raw(175, "\x13\x01\x01\x24\x01\x01")}, boot.IPXE, boot.ArchX64UEFI},
		{"iPXE without HTTP", []option{pxe, raw(77, "iPXE"), raw(175, "\x12\x01\x01")}, boot.IPXE, boot.ArchX64UEFI},
		{"another class", []option{raw(77, "\x04ipxe")}, boot.Other, 0},
		{"a class with a wrong length", []option{raw(77, "\xffiPXE")}, boot.Other, 0},
		{"175 cut off", []option{raw(175, "\x13\xff")}, boot.Other, 0},
	}
	for _, tc := range cases {
		c, err := recognise(discover(web1, tc.opts...))
		if err != nil || c.kind != tc.kind || c.arch != tc.arch {
			t.Errorf("%s: %s on %s, %v; want %s on %s", tc.name, c.kind, c.arch, err, tc.kind, tc.arch)
		}
	}
}

// TestBootOptions checks the boot options for each kind of client, byte by byte.
func TestBootOptions(t *testing.T) {
	http := func(p *dhcpv4.DHCPv4) {
		raw(60, "HTTPClient:Arch:00016:UNDI:003000")(p)
		raw(93, "\x00\x10")(p)
	}
	cases := []struct {
		name                string
		who                 option
		file, o60, o66, o67 string
		siaddr, o175        bool
	}{
		{"PXE", pxe, "snponly.efi", "", "10.77.0.1", "snponly.efi\x00", true, false},
		{"HTTP", http, "http://10.77.0.1/boot/file/snponly.efi", "HTTPClient", "", "http://10.77.0.1/boot/file/snponly.efi\x00", false, false},
		{"iPXE", ipxe, "http://10.77.0.1/boot/ipxe?mac=52:54:00:77:00:01", "", "", "http://10.77.0.1/boot/ipxe?mac=52:54:00:77:00:01", true, true},
		{"installer", raw(60, "d-i"), "", "", "", "", false, false},
		{"system", raw(12, "web1"), "", "", "", "", false, false},
	}
	for _, tc := range cases {
		b := newTestServer(t)
		b.arm("web1")
		r := b.ask(discover(web1, tc.who))
		get := func(code uint8) string { return string(r.Options.Get(dhcpv4.GenericOptionCode(code))) }
		if r.BootFileName != tc.file || get(60) != tc.o60 || get(66) != tc.o66 || get(67) != tc.o67 {
			t.Errorf("%s: file %q, 60 %q, 66 %q, 67 %q", tc.name, r.BootFileName, get(60), get(66), get(67))
		}
		if (get(175) == "\xb0\x01\x01") != tc.o175 || addrOf(r.ServerIPAddr).IsValid() != tc.siaddr {
			t.Errorf("%s: 175 % x, siaddr %s", tc.name, get(175), r.ServerIPAddr)
		}
		if r.Options.Has(dhcpv4.OptionVendorSpecificInformation) {
			t.Errorf("%s: option 43", tc.name)
		}
	}
}

// TestLongURL checks that a URL that doesn't fit the header's field is in option 67 only.
func TestLongURL(t *testing.T) {
	b := newTestServer(t)
	b.arm("web1")
	for _, n := range []int{maxFile, maxFile + 1, 255} {
		url := strings.Repeat("u", n)
		b.ScriptURL = func(inventory.MAC) string { return url }
		r := b.ask(discover(web1, ipxe))
		if r.BootFileNameOption() != url || (r.BootFileName == url) != (n <= maxFile) {
			t.Errorf("%d bytes: 67 has %d, the header %d", n, len(r.BootFileNameOption()), len(r.BootFileName))
		}
	}
}

// TestOptions checks that 61, 82 and 97 are copied, with 82 last, and that other options
// are sent when asked for.
func TestOptions(t *testing.T) {
	b := newTestServer(t)
	guid := "\x00" + strings.Repeat("g", 16)
	r := b.ask(discover(web1, raw(61, "\x01client"), raw(82, "\x01\x04port"), raw(97, guid), raw(55, "\x01\x03\xfb"), relayed("10.77.0.254")))
	for code, want := range map[uint8]string{
		61: "\x01client", 82: "\x01\x04port", 97: guid, 1: "\xff\xff\xff\x00", 3: "\x0a\x4d\x00\xfe", 6: "\x0a\x4d\x00\x01",
		51: "\x00\x00\x0e\x10", 58: "\x00\x00\x07\x08", 59: "\x00\x00\x0c\x4e", 12: "", 15: "", 42: "",
	} {
		if got := string(r.Options.Get(dhcpv4.GenericOptionCode(code))); got != want {
			t.Errorf("option %d: % x, want % x", code, got, want)
		}
	}
	codes := order(r.ToBytes())
	if codes[len(codes)-1] != 82 {
		t.Errorf("82 isn't last: %v", codes)
	}
	r = b.ask(discover(web1, raw(55, "\x0c\x0f\x2a")))
	if r.HostName() != "web1" || r.DomainName() != "rack.example" || len(r.NTPServers()) != 1 {
		t.Errorf("12 %q, 15 %q, 42 %v", r.HostName(), r.DomainName(), r.NTPServers())
	}
}

// TestFits checks that a reply has the size that the client accepts.
func TestFits(t *testing.T) {
	b := newTestServer(t)
	b.arm("web1")
	b.snap.Networks["rack1"].Domain = strings.Repeat("d", 255)
	for range 20 {
		b.snap.Networks["rack1"].DNS = append(b.snap.Networks["rack1"].DNS, serverAddr)
	}
	long := raw(82, strings.Repeat("\x01\x00", 60))
	for size, most := range map[string]int{"": 548, "\x00\x10": 548, "\x05\xc0": 1444, "\xff\xff": 1444} {
		msg := discover(web1, ipxe, long)
		if size != "" {
			raw(57, size)(msg)
		}
		r := b.ask(msg)
		if n := len(r.ToBytes()); n > most {
			t.Errorf("option 57 % x: %d bytes", size, n)
		}
		if r.BootFileName == "" || !r.Options.Has(dhcpv4.OptionRelayAgentInformation) || !r.Options.Has(dhcpv4.OptionSubnetMask) {
			t.Errorf("option 57 % x: something needed was left out: %s", size, r.Summary())
		}
		if kept := r.DomainName() != ""; kept != (most > 548) {
			t.Errorf("option 57 % x: domain kept: %v", size, kept)
		}
	}
}

// TestFrame decodes frames and their checksums with a foreign decoder.
func TestFrame(t *testing.T) {
	from, to := netip.MustParseAddrPort("10.77.0.1:67"), netip.MustParseAddrPort("10.77.0.130:68")
	for _, payload := range [][]byte{nil, {1}, bytes.Repeat([]byte{0xff, 0xfe, 3}, 101), make([]byte, 548)} {
		f := frame(web2, web1, from, to, payload)
		p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.DecodeOptions{})
		eth, _ := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
		ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		udp, _ := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if eth == nil || ip == nil || udp == nil {
			t.Fatalf("not decoded: %v", p)
		}
		got := fmt.Sprintf("%s>%s %s:%d>%s:%d %d %d", eth.SrcMAC, eth.DstMAC, ip.SrcIP, udp.SrcPort, ip.DstIP, udp.DstPort, ip.Length, udp.Length)
		want := fmt.Sprintf("%s>%s 10.77.0.1:67>10.77.0.130:68 %d %d", web2, web1, 28+len(payload), 8+len(payload))
		if got != want || !bytes.Equal(udp.Payload, payload) {
			t.Errorf("frame %s, want %s", got, want)
		}
		again := gopacket.NewSerializeBuffer()
		ipSum, udpSum := ip.Checksum, udp.Checksum
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		if err := gopacket.SerializeLayers(again, gopacket.SerializeOptions{ComputeChecksums: true}, ip, udp, gopacket.Payload(payload)); err != nil {
			t.Fatal(err)
		}
		if ip.Checksum != ipSum || udp.Checksum != udpSum {
			t.Errorf("%d bytes: checksums %#x %#x, want %#x %#x", len(payload), ipSum, udpSum, ip.Checksum, udp.Checksum)
		}
	}
}
