package bmc

import (
	"strings"
	"unicode"
)

// A quirkRow is a line of the shipped table: the BMCs that it is about, by words that their
// vendor, model and firmware contain ("" matches all), and one quirk with its source.
type quirkRow struct {
	vendor, model, firmware string
	quirk, source           string
}

// quirkTable is what is known of BMCs as they are. A row needs a source: an issue in which
// the BMC was seen to do it, or code that works around it. What a driver can see for itself
// needs no row: no PowerCycle among the reset types, a Settings object, an ETag that is wanted.
//
// Of two rows with the same quirk that match, the later one is in force.
var quirkTable = []quirkRow{
	{"Supermicro", "", "", "mode: always", "Redfishtool#106"},                      // without a mode, the override reverts
	{"Supermicro", "X10", "", "mode: never", "metal-operator#985"},                 // answers 400 to a mode
	{"Supermicro", "", "", "uefi-disk-0x24", "ironic drivers/modules/ipmitool.py"}, // its selector for a UEFI disk
	{"Supermicro", "X11", "", "no-efi-bit", "bmclib#209"},                          // with efiboot, it boots its disk
	{"HPE", "", "", "mode: never", "community.general#3509"},                       // answers 400 to a mode
	{"Dell", "", "", "mode: changed", "metal-operator#81"},                         // an unchanged mode makes a BIOS job and another reboot
	{"AMI", "", "", "mode: always", "ironic drivers/modules/redfish/management.py"},
	{"ASRockRack", "", "", "mode: always", "ironic drivers/modules/redfish/management.py"},
}

// aliases are other names of vendors, as BMCs give them.
var aliases = map[string]string{
	"hewlettpackardenterprise": "hpe", "hewlettpackard": "hpe", "hp": "hpe",
	"dellinc": "dell", "dellemc": "dell",
	"supermicrocomputer": "supermicro", "supermicrocomputerinc": "supermicro", "smci": "supermicro", "supermicroinc": "supermicro",
	"americanmegatrends": "ami", "americanmegatrendsinc": "ami", "americanmegatrendsinternational": "ami",
	"asrock": "asrockrack", "lenovogroup": "lenovo",
}

// SameVendor reports whether two names are the same vendor's: "Super Micro Computer, Inc."
// is Supermicro.
func SameVendor(a, b string) bool { return a != "" && vendorOf(a) == vendorOf(b) }

// vendorOf is a vendor's name without case, spaces and dots, and with the aliases resolved.
func vendorOf(name string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
	if alias, ok := aliases[plain]; ok {
		return alias
	}
	return plain
}

// Shipped returns the quirks of the shipped table for a BMC, with their sources.
func Shipped(m Memory) []AppliedQuirk {
	var out []AppliedQuirk
	for _, r := range quirkTable {
		if r.vendor != "" && !SameVendor(r.vendor, m.Vendor) || !holds(m.Model, r.model) || !holds(m.Firmware, r.firmware) {
			continue
		}
		of := strings.Join(strings.Fields(r.vendor+" "+r.model+" "+r.firmware), " ")
		out = append(out, AppliedQuirk{r.quirk, "shipped: " + of + ", " + r.source})
	}
	return out
}

// holds reports whether a text contains a word, without regard to case.
func holds(text, word string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(word))
}

// maxNamed bounds what is remembered of a BMC's names, in characters: they are the BMC's word.
const maxNamed = 64

// Identify notes vendor, model and firmware, as the BMC gives them.
func (m *Memory) Identify(i Info) {
	short := func(s string) string {
		s = strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return -1
		}, strings.TrimSpace(s))
		if r := []rune(s); len(r) > maxNamed {
			return string(r[:maxNamed])
		}
		return s
	}
	for _, f := range []struct {
		to   *string
		from string
	}{{&m.Vendor, i.Maker}, {&m.Model, i.Model}, {&m.Firmware, i.BMC}} {
		if s := short(f.from); s != "" {
			*f.to = s
		}
	}
	m.Asked = true
}
