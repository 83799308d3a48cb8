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
	"rackhand/provision/bmc"
	"rackhand/provision/boot"
)

// A client is what a packet says about its sender. The sender chose all of it, so each text
// is cut to a size that is safe in a log or an event.
type client struct {
	mac      inventory.MAC
	kind     boot.Client
	arch     boot.Arch
	ipxe     bool      // it is iPXE
	noHTTP   bool      // it is an iPXE that was built without HTTP
	vendor   string    // option 60
	hostName string    // option 12
	uuid     string    // option 97, "" when absent or all zeros
	relay    relayInfo // what relay agents added about its location
}

// recognise reads the sender of a request. The error says why it can't be a client of ours.
// One boot of one box looks like three to five clients here (firmware, iPXE, installer,
// system). Each has its own client-id and vendor class, and all share the hardware address.
// So the hardware address alone is the key.
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
		return c, fmt.Errorf("%s can't be a machine's hardware address", c.mac)
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
		// The iPXE in a card's ROM may lack HTTP. It gets the URL of its script by TFTP.
		c.noHTTP = len(features) > 0 && !features[ipxeHTTP]
	case strings.HasPrefix(c.vendor, "PXEClient"):
		c.kind = boot.PXE
	case strings.HasPrefix(c.vendor, "HTTPClient"):
		c.kind = boot.HTTPBoot
	}
	c.arch = architecture(p.Options.Get(dhcpv4.OptionClientSystemArchitectureType), c.vendor, features)
	return c, nil
}

// architecture reads option 93 (RFC 4578 section 2.1): a list, of which the first entry
// with a boot program counts. A client without that option may give the number in its
// vendor class (PXEClient:Arch:00007:UNDI:003001). iPXE may give it as a feature.
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

// userClassIPXE reads option 77. iPXE sends its bare name, not the length-prefixed list of
// RFC 3004; other clients send the list.
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

// suboptions lists the codes of an encapsulated option whose value isn't zero. It returns
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

// uuid formats option 97 (RFC 4578 section 2.3): a type byte 0, then the machine's UUID of
// 16 bytes in SMBIOS order, where the first three fields are little-endian.
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

// text makes a client's text printable and short. Only its result may reach a terminal or a
// page.
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

// maker describes an unclaimed box in its own words, so that the operator can recognise it.
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

// bmc names the kind of BMC that the client probably is; "" for none. A BMC boots nothing.
func (c client) bmc() string {
	if c.kind.Boots() {
		return ""
	}
	return bmc.FromDHCP(c.vendor, c.hostName)
}
