package scan

import "github.com/bougou/go-ipmi/pkg/types"

// vendorOf names an enterprise number of IANA's; "" for one that no maker of BMCs is known by.
func vendorOf(iana uint32) string {
	switch iana {
	case 5771:
		return "Cisco"
	case 15370:
		return "Gigabyte"
	case 19046:
		return "Lenovo"
	case 47196:
		return "HPE"
	}
	if name := types.OEM(iana).String(); name != "Unknown" {
		return name
	}
	return ""
}
