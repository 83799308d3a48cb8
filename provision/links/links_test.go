package links

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestChooseAddresses(t *testing.T) {
	have := map[string]linkState{
		"eth1": {true, []netip.Addr{addr("10.77.0.1"), addr("10.77.0.9")}}, "eth2": {true, []netip.Addr{addr("10.78.0.1")}},
		"eth3": {true, nil}, "eth4": {false, []netip.Addr{addr("10.79.0.1")}},
	}
	for name, tc := range map[string]struct {
		names []string
		given string
		want  string
	}{
		"one":                        {[]string{"eth1"}, "", "[{eth1 10.77.0.1}]"},
		"two":                        {[]string{"eth1", "eth2"}, "", "[{eth1 10.77.0.1} {eth2 10.78.0.1}]"},
		"given, the second of two":   {[]string{"eth1", "eth2"}, "10.77.0.9", "[{eth1 10.77.0.9} {eth2 10.78.0.1}]"},
		"given, on the second link":  {[]string{"eth1", "eth2"}, "10.78.0.1", "[{eth1 10.77.0.1} {eth2 10.78.0.1}]"},
		"given, on none":             {[]string{"eth1", "eth2"}, "192.0.2.1", "error: `address: 192.0.2.1` in rackhand.yaml is on none of the links: eth1 has 10.77.0.1 and 10.77.0.9, eth2 has 10.78.0.1; "},
		"given, and none there yet":  {[]string{"eth3"}, "10.79.0.1", "wait: eth3 has no IPv4 address yet: give it 10.79.0.1"},
		"given, may be on the other": {[]string{"eth1", "eth3"}, "10.79.0.1", "wait: eth3 has no IPv4 address yet: give it an IPv4 address"},
		"none there yet":             {[]string{"eth1", "eth3"}, "", "wait: eth3 has no IPv4 address yet"},
		"down":                       {[]string{"eth4"}, "", "wait: eth4 is down (`ip link set eth4 up`)"},
		"down, and one without":      {[]string{"eth3", "eth4"}, "10.79.0.1", "wait: eth4 is down (`ip link set eth4 up`); eth3 has no IPv4 address yet"},
	} {
		var given netip.Addr
		if tc.given != "" {
			given = addr(tc.given)
		}
		links, wait, err := chooseAddresses(tc.names, given, have)
		var parts []string
		for _, l := range links {
			parts = append(parts, "{"+l.Name+" "+l.Addr.String()+"}")
		}
		got := fmt.Sprint(parts)
		switch {
		case err != nil:
			got = "error: " + err.Error()
		case wait != "":
			got = "wait: " + wait
		}
		if !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
