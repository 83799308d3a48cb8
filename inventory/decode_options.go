package inventory

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"rackhand/config/schema"
)

// parseOptions reads raw options by number: text, a list of IPv4 addresses, or
// {hex: 060108ff}.
func parseOptions(what string, n schema.Node) map[uint8][]byte {
	options := map[uint8][]byte{}
	n.Each(what+": options", func(name string, key, value schema.Node) {
		number, err := strconv.Atoi(name)
		if err != nil || number < 1 || number > 254 || strconv.Itoa(number) != name {
			key.Problem("write the number that RFC 2132 or the maker gives it, such as 150: [10.77.0.1]",
				"%s: options: %q is not the number of an option, 1 to 254", what, name)
			return
		}
		what := what + ": option " + name
		if hint := optionKey(number); hint != "" {
			key.Problem(hint, "%s can't be given raw", what)
			return
		}
		if data := parseOption(what, value); data != nil {
			options[uint8(number)] = data
		}
	})
	if len(options) == 0 {
		return nil
	}
	return options
}

// optionKey says what gives an option that can't be given raw: a key of its own,
// or the protocol; "" for one that can.
func optionKey(number int) (hint string) {
	switch number {
	case 1:
		return "subnet: gives it"
	case 3:
		return "write gateway: 10.77.0.1"
	case 6:
		return "write dns: [10.77.0.1]"
	case 12:
		return "the host's name in hosts: gives it"
	case 15:
		return "write domain: rack1.example.org"
	case 26:
		return "write mtu: 1500"
	case 42:
		return "write ntp: [10.77.0.1]"
	case 51, 58, 59:
		return "write lease_time: 1h"
	case 60, 66, 67:
		return "rackhand chooses the boot program of each box; write boot: {program: ipxe.efi} to a host or group that needs another program"
	case 119:
		return "write search: [rack1.example.org]"
	case 121:
		return "write routes: [{to: 10.0.0.0/8, via: 10.77.0.254}]"
	case 50, 52, 53, 54, 55, 56, 57, 61, 77, 82, 93, 94, 97, 175:
		return "remove it: it belongs to the protocol, and its value to each single packet"
	}
	return ""
}

// parseOption reads an option's value as it stands on the wire; nil after a
// problem.
func parseOption(what string, n schema.Node) []byte {
	var data []byte
	switch {
	case n.IsList():
		if items, ok := n.List(what); ok && len(items) == 0 {
			n.Problem("write the addresses, or remove the line", "%s has no value", what)
		}
		for _, a := range parseAddrs(what, n) {
			data = append(data, a.AsSlice()...)
		}
	case n.IsMapping():
		data = parseHex(what, n)
	default:
		text, ok := n.Text(what)
		if hint := notText(text); ok && hint != "" {
			n.Problem(hint, "%s: as text, %s would go out as its letters", what, text)
			return nil
		}
		data = []byte(text)
	}
	if len(data) > maxOption {
		n.Problem("send less", "%s has %d bytes; an option holds %d", what, len(data), maxOption)
		return nil
	}
	if len(data) == 0 {
		return nil
	}
	return data
}

// notText says what to write instead of a text that is hardly meant as one: an
// option that holds an address, a number or a switch has it in binary.
func notText(text string) (hint string) {
	asText := "; if it is a text indeed: {hex: " + hex.EncodeToString([]byte(text)) + "}"
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() {
		return "write [" + a.String() + "] for its four bytes" + asText
	}
	switch text {
	case "true", "yes", "on":
		return "write {hex: 01}" + asText
	case "false", "no", "off":
		return "write {hex: 00}" + asText
	}
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return ""
	}
	var forms []string
	for _, bytes := range []int{1, 2, 4} {
		if number>>(8*bytes) == 0 {
			digits := strconv.FormatUint(number, 16)
			forms = append(forms, "{hex: "+strings.Repeat("0", 2*bytes-len(digits))+digits+"}")
		}
	}
	return "write as many bytes as the option has: " + strings.Join(forms, " or ") + asText
}

// parseHex reads {hex: 060108ff} or {hex: "06:01:08:ff"}.
func parseHex(what string, n schema.Node) (data []byte) {
	given := false
	read := n.Fields(what, schema.Fields{"hex": func(n schema.Node) {
		given = true
		text, ok := n.Text(what + ": hex")
		if !ok {
			return
		}
		digits := text
		if strings.Contains(text, ":") {
			digits = ""
			for pair := range strings.SplitSeq(text, ":") {
				if len(pair) != 2 {
					pair = "?" // 6:1:8 isn't 61 08
				}
				digits += pair
			}
		}
		var err error
		if data, err = hex.DecodeString(digits); err != nil {
			data = nil
			n.Problem("write two digits for each byte: {hex: 060108ff}", "%s: %q is not bytes in hex", what, text)
		}
	}})
	if read && !given {
		n.Problem("write {hex: 060108ff}, [10.77.0.1] or a text", "%s has no value", what)
	}
	return data
}
