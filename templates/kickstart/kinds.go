package kickstart

import (
	"encoding/hex"
	"maps"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Kind is the form that a value needs for the image engine to carry it out.
type Kind int

// The kinds of value.
const (
	KindNone          Kind = iota // none, or a flag
	KindLine                      // any text on one line
	KindName                      // text without blanks
	KindPath                      // an absolute path without ..
	KindMount                     // a mount point: a path, swap or biosboot
	KindCount                     // a whole number from 0 to 2^31-1
	KindIPv4                      // 10.0.0.1
	KindIPs                       // addresses, comma separated
	KindNetmask                   // 255.255.255.0
	KindHost                      // a host name, short or full
	KindUser                      // a user's or group's name
	KindGecos                     // a user's description
	KindZone                      // Europe/Berlin
	KindLabel                     // a file system's label, up to 16 bytes
	KindURL                       // http or https
	KindSHA256                    // 64 hexadecimal digits
	KindIface                     // a network interface's name
	KindNetDevice                 // a card: its name, its MAC, link or bootif
	KindNetDevices                // several of them, comma separated
	KindVLAN                      // 1 to 4094
	KindIPv6                      // an address with or without /BITS, auto or dhcp
	KindIPv6Addr                  // an IPv6 address
	KindDomains                   // domains, comma separated
	KindBondOptions               // see BondOptions
	KindBridgeOptions             // see BridgeOptions
	KindPorts                     // see FirewallPorts
	KindWords                     // names, comma separated
	KindLocale                    // de_DE.UTF-8
	KindLocales                   // locales, comma separated
	KindPort                      // 1 to 65535
	KindRepoName                  // a name that a file can have
	KindNetHost                   // a host name or address
	KindGroups                    // groups, comma separated: NAME or NAME(GID)
	KindPlace                     // a mount point, or a member: raid.NAME, pv.NAME
	KindVolume                    // a name that md and LVM take
)

// Check returns "" for a good value, and otherwise a description of a good one.
func (k Kind) Check(v string) string {
	if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "text on one line without control characters"
	}
	if f := kindForms[k]; f.good != nil && !f.good(v) {
		return f.want
	}
	return ""
}

// kindForms are the kinds that have a form, and how it is described.
var kindForms = map[Kind]struct {
	good func(string) bool
	want string
}{
	KindName:    {isName, "text without blanks"},
	KindPath:    {isPath, "an absolute path"},
	KindMount:   {isMount, "a mount point: /PATH, swap or biosboot"},
	KindCount:   {isCount, "a whole number, not negative"},
	KindIPv4:    {isIPv4, "an IPv4 address"},
	KindIPs:     {isIPs, "IP addresses, comma separated"},
	KindNetmask: {isNetmask, "a netmask such as 255.255.255.0"},
	KindHost:    {isHost, "a host name"},
	KindUser:    {matcher(`^[a-z_][a-z0-9_-]*$`, 32), "a user name: a-z, 0-9, _ and -"},
	KindGecos:   {func(s string) bool { return !strings.Contains(s, ":") }, "text without a colon"},
	KindZone:    {matcher(`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`, 64), "a time zone such as Europe/Berlin"},
	KindLabel:   {func(s string) bool { return len(s) <= 16 && isName(s) }, "a label of up to 16 bytes without blanks"},
	KindURL:     {isURL, "an http or https URL"},
	KindSHA256:  {isSHA256, "a SHA-256 of 64 hexadecimal digits"},
	KindPlace:   {isPlace, "a mount point (/PATH, swap, biosboot), or a member: raid.NAME, pv.NAME"},
	KindVolume:  {isVolume, "a name of up to 27 letters, digits and . _ + -"}, // md has 32 bytes, with "any:" before it

	KindIface:         {isIface, "a name of up to 15 letters, digits, dots, dashes"},
	KindNetDevice:     {isNetDevice, "a card's name, its MAC, link or bootif"},
	KindNetDevices:    {isNetDevices, "cards' names or MACs, comma separated"},
	KindVLAN:          {isVLAN, "a number from 1 to 4094"},
	KindIPv6:          {isIPv6, "an IPv6 address such as 2001:db8::11/64, auto, or dhcp"},
	KindIPv6Addr:      {isIPv6Addr, "an IPv6 address"},
	KindDomains:       {isDomains, "domains, comma separated"},
	KindBondOptions:   {func(s string) bool { _, err := BondOptions(s); return err == nil }, "KEY=VALUE,KEY=VALUE, such as mode=802.3ad,miimon=100; known are " + strings.Join(slices.Sorted(maps.Keys(bondValues)), " ")},
	KindBridgeOptions: {func(s string) bool { _, err := BridgeOptions(s); return err == nil }, "KEY=VALUE,KEY=VALUE with " + strings.Join(slices.Sorted(maps.Keys(bridgeMost)), " ")},
	KindPorts:         {func(s string) bool { _, ok := FirewallPorts(s); return ok }, "ports by their numbers, 80:tcp or 8000-8080:tcp, comma separated"},
	KindWords:         {listOf(isWord), "names, comma separated"},
	KindLocale:        {isLocale, "a locale such as de_DE.UTF-8"},
	KindLocales:       {listOf(isLocale), "locales such as de_DE.UTF-8, comma separated"},
	KindPort:          {func(s string) bool { return isCount(s) && Count(s) > 0 && Count(s) < 65536 }, "a port from 1 to 65535"},
	KindRepoName:      {matcher(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`, 64), "a name of letters, digits, dots and dashes"},
	KindNetHost:       {isNetHost, "a host name or an address"},
	KindGroups:        {listOf(matcher(`^[a-z_][a-z0-9_-]*(\([0-9]+\))?$`, 48)), "groups, comma separated: NAME or NAME(GID)"},
}

func matcher(pattern string, most int) func(string) bool {
	re := regexp.MustCompile(pattern)
	return func(s string) bool { return len(s) <= most && re.MatchString(s) }
}

func isName(s string) bool { return s != "" && !strings.ContainsAny(s, " \t") }

func isPath(s string) bool { return path.IsAbs(s) && path.Clean(s) == s && isName(s) }

func isMount(s string) bool {
	return s == "swap" || s == "biosboot" || isPath(MountPoint(s))
}

func isPlace(s string) bool {
	for _, kind := range []string{"raid.", "pv."} {
		if name, ok := strings.CutPrefix(s, kind); ok {
			return isVolume(name)
		}
	}
	return isMount(s)
}

// isVolume: a name that mdadm takes and lvm(8) allows, and that is not an option.
func isVolume(s string) bool {
	ok := s != "" && len(s) <= 27 && s[0] != '-' && strings.Trim(s, ".") != ""
	return ok && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._+-", r))
	})
}

// MountPoint is a mount point in its normal form: /home/ is /home.
func MountPoint(s string) string {
	if strings.HasPrefix(s, "/") && !strings.Contains(s, "..") {
		return path.Clean(s)
	}
	return s
}

func isCount(s string) bool {
	n, ok := parseInt(s)
	return ok && n >= 0 && n < 1<<31
}

// Count is the number of a KindCount or int value, 0 for any other value.
func Count(s string) int {
	n, _ := parseInt(s)
	return int(n)
}

// On is the truth of an on/off value.
func On(s string) bool {
	v, _ := parseBool(s)
	return v
}

func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4() && !a.IsUnspecified()
}

func isIPs(s string) bool {
	for _, item := range splitList(s) {
		if a, err := netip.ParseAddr(item); err != nil || a.Zone() != "" {
			return false
		}
	}
	return len(splitList(s)) > 0
}

func isNetmask(s string) bool {
	_, ok := MaskBits(s)
	return ok
}

// MaskBits is the prefix length of a netmask such as 255.255.255.0; false if its ones are
// not all at the front, or if it has no ones.
func MaskBits(s string) (int, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return 0, false
	}
	b := a.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	bits := strings.TrimRight(strconv.FormatUint(uint64(n), 2), "0")
	if n == 0 || len(strconv.FormatUint(uint64(n), 2)) != 32 || strings.Contains(bits, "0") {
		return 0, false
	}
	return len(bits), true
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func isSHA256(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}
