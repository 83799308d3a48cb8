package bmc

import (
	"regexp"
	"strings"
)

// FromDHCP names the kind of BMC that a DHCP client probably is, by its vendor class (option
// 60) and the name that it gives itself (option 12); "" for one that has no sign of it. Any
// machine can send both, so this is a remark for the operator, and decides nothing.
func FromDHCP(vendorClass, hostName string) string {
	class := strings.ToLower(vendorClass)
	for _, c := range []struct{ class, kind string }{
		{"idrac", "Dell iDRAC"}, // Dell's iDRAC user's guide, "DHCP options"
		{"cpqrib", "HPE iLO"},   // CPQRIB3, of Compaq's Remote Insight Board
		{"hpe ilo", "HPE iLO"},
		{"nvidia/bf/bmc", "NVIDIA BlueField"},
	} {
		if strings.HasPrefix(class, c.class) {
			return c.kind
		}
	}
	for _, n := range namesOfBMCs() {
		if n.form.MatchString(hostName) {
			return n.kind
		}
	}
	return ""
}

// A nameOfBMC is the form of a BMC's factory name.
type nameOfBMC struct {
	form *regexp.Regexp
	kind string
}

// namesOfBMCs are the names that BMCs have from their factory: the maker's word with the
// serial number or the MAC.
func namesOfBMCs() []nameOfBMC {
	return []nameOfBMC{
		{regexp.MustCompile(`(?i)^idrac-[0-9a-z]{5,}$`), "Dell iDRAC"},
		{regexp.MustCompile(`^ILO[0-9A-Z]{6,}$`), "HPE iLO"},
		{regexp.MustCompile(`^XCC-[0-9A-Z]{4}-[0-9A-Z]+$`), "Lenovo XClarity Controller"},
		{regexp.MustCompile(`^IMM2?-[0-9a-fA-F]{12}$`), "Lenovo IMM"},
		{regexp.MustCompile(`(?i)^iRMC[0-9a-f]{6}`), "Fujitsu iRMC"},
		{regexp.MustCompile(`^AMI[0-9A-F]{12}$`), "AMI MegaRAC"},
		{regexp.MustCompile(`^(?i:DCMI)[0-9A-Fa-f]{12}$`), "DCMI"}, // DCMI 1.5 §6.5.1, its default name
		{regexp.MustCompile(`(?i)(^|[-_.0-9])(ipmi|bmc)([-_.0-9]|$)`), "by its name"},
		{regexp.MustCompile(`^(IPMI|BMC)[0-9A-Fa-f]{6,12}$`), "by its name"},
	}
}
