package kickstart

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// isIface is a name that Linux takes for a network interface (dev_valid_name: up
// to 15 bytes without / : and blanks), and that stands in configuration files as it
// is.
func isIface(s string) bool {
	return s != "" && len(s) <= 15 && s != "." && s != ".." && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	})
}

// isNetDevice is a card: its name, its MAC, or link or bootif.
func isNetDevice(s string) bool {
	if mac, err := net.ParseMAC(s); err == nil {
		return len(mac) == 6
	}
	return isIface(s)
}

func isNetDevices(s string) bool {
	list := splitList(s)
	return len(list) > 0 && !slices.ContainsFunc(list, func(d string) bool { return !isNetDevice(d) })
}

func isVLAN(s string) bool {
	n, ok := parseInt(s)
	return ok && n >= 1 && n <= 4094 // IEEE 802.1Q: 0 and 4095 are not VLANs
}

func isIPv6Addr(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified()
}

// isIPv6 is a value of network --ipv6.
func isIPv6(s string) bool {
	if s == "auto" || s == "dhcp" {
		return true
	}
	_, ok := IPv6Prefix(s)
	return ok
}

// IPv6Prefix is the address of network --ipv6=ADDRESS[/BITS]; 64 bits when none
// are given.
func IPv6Prefix(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		s += "/64"
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil && isIPv6Addr(p.Addr().String()) && p.Bits() > 0
}

func isDomains(s string) bool {
	return listOf(isHost)(s)
}

// A NetOption is an option of a bond or bridge.
type NetOption struct{ Key, Value string }

// bondValues are the options of a bond that the image engine can carry out, by the
// kernel's names (Documentation/networking/bonding.rst), with the words for their
// numbers. Those without words take a number; primary takes a card, arp_ip_target
// addresses.
var bondValues = map[string][]string{
	"mode":             {"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"},
	"miimon":           nil,
	"updelay":          nil,
	"downdelay":        nil,
	"min_links":        nil,
	"arp_interval":     nil,
	"arp_ip_target":    nil,
	"primary":          nil,
	"lacp_rate":        {"slow", "fast"},
	"xmit_hash_policy": {"layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"},
	"primary_reselect": {"always", "better", "failure"},
	"ad_select":        {"stable", "bandwidth", "count"},
	"fail_over_mac":    {"none", "active", "follow"},
	"arp_validate":     {"none", "active", "backup", "all"},
}

// BondOptions reads network --bondopts: KEY=VALUE, separated by commas, or by
// semicolons when a value has commas in it. Numbers that have a word become it.
func BondOptions(s string) ([]NetOption, error) {
	separator := ","
	if strings.Contains(s, ";") {
		separator = ";"
	}
	return netOptions(s, separator, func(key, value string) (string, error) {
		words, ok := bondValues[key]
		switch {
		case !ok:
			return "", fmt.Errorf("%s is unknown; known are: %s", Clip(key), strings.Join(slices.Sorted(maps.Keys(bondValues)), " "))
		case words != nil:
			if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < len(words) {
				return words[n], nil
			}
			if !slices.Contains(words, value) {
				return "", fmt.Errorf("%s is one of %s", key, strings.Join(words, " "))
			}
		case key == "primary":
			if !isNetDevice(value) {
				return "", fmt.Errorf("primary is a card")
			}
		case key == "arp_ip_target":
			for _, a := range splitList(value) {
				if !isIPv4(a) {
					return "", fmt.Errorf("arp_ip_target is IPv4 addresses")
				}
			}
		case !isCount(value):
			return "", fmt.Errorf("%s is a number", key)
		}
		return value, nil
	})
}

// bridgeMost are the options of a bridge and the most that they can be: seconds,
// but for priority and stp.
var bridgeMost = map[string]int{
	"stp": 1, "priority": 65535, "forward-delay": 30, "hello-time": 10, "max-age": 40, "ageing-time": 1000000,
}

// BridgeOptions reads network --bridgeopts: KEY=VALUE, separated by commas. stp is
// "1" or "0"; times are seconds.
func BridgeOptions(s string) ([]NetOption, error) {
	return netOptions(s, ",", func(key, value string) (string, error) {
		most, ok := bridgeMost[key]
		if !ok {
			return "", fmt.Errorf("%s is unknown; known are: %s", Clip(key), strings.Join(slices.Sorted(maps.Keys(bridgeMost)), " "))
		}
		if on, good := parseBool(value); key == "stp" && good {
			if on {
				return "1", nil
			}
			return "0", nil
		}
		if !isCount(value) || Count(value) > most {
			return "", fmt.Errorf("%s is a number up to %d", key, most)
		}
		return value, nil
	})
}

func netOptions(s, separator string, value func(key, value string) (string, error)) ([]NetOption, error) {
	var out []NetOption
	for item := range strings.SplitSeq(s, separator) {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		k, v, ok := strings.Cut(item, "=")
		if !ok {
			return nil, fmt.Errorf("%s is not of the form KEY=VALUE", Clip(item))
		}
		if slices.ContainsFunc(out, func(o NetOption) bool { return o.Key == k }) {
			return nil, fmt.Errorf("%s is given twice", Clip(k))
		}
		v, err := value(k, v)
		if err != nil {
			return nil, err
		}
		out = append(out, NetOption{k, v})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the list is empty")
	}
	return out, nil
}

// A Port is a port or range of firewall --port.
type Port struct {
	First, Last int // the same for a single port
	Proto       string
}

// FirewallPorts reads firewall --port: N:PROTO or N-M:PROTO, separated by commas;
// without a protocol it is tcp.
func FirewallPorts(s string) ([]Port, bool) {
	var out []Port
	for _, item := range splitList(s) {
		numbers, proto, ok := strings.Cut(item, ":")
		if !ok {
			proto = "tcp"
		}
		low, high, ranged := strings.Cut(numbers, "-")
		if !ranged {
			high = low
		}
		p := Port{Count(low), Count(high), proto}
		if !isCount(low) || !isCount(high) || p.First < 1 || p.Last > 65535 || p.First > p.Last ||
			!slices.Contains([]string{"tcp", "udp", "sctp", "dccp"}, proto) {
			return nil, false
		}
		out = append(out, p)
	}
	return out, len(out) > 0
}

// listOf accepts comma separated values, each of a form.
func listOf(good func(string) bool) func(string) bool {
	return func(s string) bool {
		list := splitList(s)
		return len(list) > 0 && !slices.ContainsFunc(list, func(v string) bool { return !good(v) })
	}
}

// isHost is a host name, short or full.
var isHost = matcher(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`, 253)

// isWord is a name, for example of a service.
var isWord = matcher(`^[A-Za-z0-9_][A-Za-z0-9_.@:\\-]*$`, 256)

var isLocale = matcher(`^[A-Za-z]{1,8}(_[A-Za-z]{2,3})?(\.[A-Za-z0-9-]+)?(@[a-z]+)?$`, 40)

func isNetHost(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return !a.IsUnspecified()
	}
	return isHost(s)
}
