package dhcp

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"rackhand/inventory"
	"rackhand/provision/boot"
)

// A client is what a packet tells of its sender. Everything in it was said by the
// sender, and is cut to a size that a log or an event bears.
type client struct {
	mac      inventory.MAC
	kind     boot.Client
	arch     boot.Arch
	ipxe     bool      // it is iPXE
	noHTTP   bool      // it is an iPXE that was built without HTTP
	vendor   string    // option 60
	hostName string    // option 12
	uuid     string    // option 97, "" when absent or all zeros
	relay    relayInfo // what relay agents said of its place
}

// recognise reads who sent a request; the error says why it can't be a client of
// ours. One boot of one box looks like three to five clients here (firmware,
// iPXE, installer, system), each with a client-id and vendor class of its own: the
// hardware address is what they share, so it alone is the key.
func recognise(p *dhcpv4.DHCPv4) (client, error) {
	var c client
	var err error
	switch {
	case p.OpCode != dhcpv4.OpcodeBootRequest:
		return c, errors.New("not a request")
	case p.HWType != iana.HWTypeEthernet || len(p.ClientHWAddr) != len(c.mac):
		return c, errors.New("not an Ethernet client")
	}
	c.mac = inventory.MAC(p.ClientHWAddr)
	if c.mac == (inventory.MAC{}) || c.mac[0]&1 != 0 {
		return c, fmt.Errorf("%s is no machine's hardware address", c.mac)
	}
	if c.relay, err = readRelay(p); err != nil {
		return c, err
	}
	c.vendor = text(p.Options.Get(dhcpv4.OptionClassIdentifier))
	c.hostName = text(p.Options.Get(dhcpv4.OptionHostName))
	c.uuid = uuid(p.Options.Get(dhcpv4.OptionClientMachineIdentifier))

	features := suboptions(p.Options.Get(optIPXE))
	c.ipxe = userClassIPXE(p.Options.Get(dhcpv4.OptionUserClassInformation)) || len(features) > 0
	switch {
	case c.ipxe:
		c.kind = boot.IPXE
		// A card's own iPXE may lack HTTP: it is given the URL of its script by TFTP.
		c.noHTTP = len(features) > 0 && !features[ipxeHTTP]
	case strings.HasPrefix(c.vendor, "PXEClient"):
		c.kind = boot.PXE
	case strings.HasPrefix(c.vendor, "HTTPClient"):
		c.kind = boot.HTTPBoot
	}
	c.arch = architecture(p.Options.Get(dhcpv4.OptionClientSystemArchitectureType), c.vendor, features)
	return c, nil
}

// architecture reads option 93 (RFC 4578 section 2.1), a list of which the first
// one with a boot program counts. A client without it may say the same in its
// vendor class (PXEClient:Arch:00007:UNDI:003001); iPXE, in a feature.
func architecture(option []byte, vendor string, features map[byte]bool) boot.Arch {
	for b := option; len(b) >= 2; b = b[2:] {
		if a := boot.Arch(binary.BigEndian.Uint16(b)); boot.ProgramFor(a) != "" {
			return a
		}
	}
	if len(option) >= 2 {
		return boot.Arch(binary.BigEndian.Uint16(option))
	}
	if _, rest, ok := strings.Cut(vendor, ":Arch:"); ok {
		number, _, _ := strings.Cut(rest, ":")
		if n, err := strconv.ParseUint(number, 10, 16); err == nil {
			return boot.Arch(n)
		}
	}
	if features[ipxeEFI] {
		return boot.ArchX64UEFI
	}
	return boot.ArchBIOS
}

// userClassIPXE reads option 77: iPXE sends its bare name, which is not the
// length-prefixed list that RFC 3004 asks for; others send the list.
func userClassIPXE(option []byte) bool {
	if string(option) == "iPXE" {
		return true
	}
	for b := option; len(b) > 0; {
		n := int(b[0])
		if n == 0 || n >= len(b) {
			return false
		}
		if string(b[1:1+n]) == "iPXE" {
			return true
		}
		b = b[1+n:]
	}
	return false
}

// suboptions lists the codes of an encapsulated option whose value isn't zero;
// nil when the option is absent or broken at its start.
func suboptions(option []byte) map[byte]bool {
	var codes map[byte]bool
	for b := option; len(b) >= 2 && b[0] != 0xff; {
		if b[0] == 0 { // padding
			b = b[1:]
			continue
		}
		n := int(b[1])
		if len(b) < 2+n {
			break
		}
		if codes == nil {
			codes = map[byte]bool{}
		}
		for _, v := range b[2 : 2+n] {
			if v != 0 {
				codes[b[0]] = true
			}
		}
		b = b[2+n:]
	}
	return codes
}

// uuid writes option 97 (RFC 4578 section 2.3): a type byte 0 and the 16 bytes of
// the machine's UUID in the order of SMBIOS, where the first three fields are
// little-endian.
func uuid(option []byte) string {
	if len(option) != 17 || option[0] != 0 {
		return ""
	}
	u := option[1:]
	zero := true
	for _, b := range u {
		zero = zero && b == 0
	}
	if zero {
		return ""
	}
	swapped := []byte{u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6]}
	h := hex.EncodeToString(append(swapped, u[8:]...))
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// text makes what a client said printable and short. Nothing else of it may reach
// a terminal or a page.
func text(option []byte) string {
	const most = 64
	s := strings.TrimRight(string(option[:min(len(option), most)]), "\x00")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// maker says what an unclaimed box tells of itself, for the operator who has to
// know it again among others.
func (c client) maker() string {
	var parts []string
	if c.kind.Boots() {
		parts = append(parts, c.arch.String())
	}
	if c.vendor != "" {
		parts = append(parts, c.vendor)
	}
	if c.hostName != "" {
		parts = append(parts, "calls itself "+c.hostName)
	}
	if c.uuid != "" {
		parts = append(parts, "UUID "+c.uuid)
	}
	return strings.Join(parts, ", ")
}
