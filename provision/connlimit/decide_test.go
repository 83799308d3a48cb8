package connlimit

import (
	"net/netip"
	"strings"
	"testing"
)

// TestDecide checks which connections are admitted, refused or rejected, and which make
// room. A letter stands for a slot's address, in lower case when the address is unknown.
// Slots are in the order in which they came or were last busy. A ! marks a busy one.
func TestDecide(t *testing.T) {
	limits := Limits{PerAddress: 3, Unknown: 4, Known: 5}
	for name, tc := range map[string]struct {
		open, comes string
		want        string // verdict, and which slot makes room
	}{
		"the first":                                   {"", "a", "admit"},
		"there is room":                               {"a a b", "a", "admit"},
		"idle ones of its own":                        {"b a! a a", "a", "replace 2"},
		"all of its own are busy":                     {"a! a! a!", "a", "refuse"},
		"twice as many as it may have":                {"A! A! A! A! A! A!", "A", "reject"},
		"the share of strangers is full":              {"a a a b", "c", "replace 0"},
		"the oldest of those with the most":           {"b a! a a", "c", "replace 2"},
		"one idle each, and a new one":                {"a b c d", "e", "replace 0"},
		"one idle each, and a second of one":          {"a b c d", "d", "refuse"},
		"busy ones of one with more":                  {"a! a! a! b!", "c", "replace 0"},
		"busy, and no address has more":               {"a! b! c! d!", "e", "refuse"},
		"busy, and one has one more: no ping-pong":    {"a! a! b! c!", "b", "refuse"},
		"an idle one before a busy one":               {"a! a! b c!", "d", "replace 2"},
		"far too many":                                {"a! b! c! d! e!", "f", "reject"},
		"strangers take nothing of the known's share": {"a! b! c! d!", "A", "admit"},
		"nor the known of the strangers'":             {"A! B! C! D! E!", "a", "admit"},
		"the share of the known is full":              {"a A! A B C! D", "E", "replace 2"},
		"strangers don't make room for the known":     {"a a A! B! C! D! E!", "F", "refuse"},
	} {
		clients := map[string]*client{}
		who := func(s string) *client {
			if clients[s] == nil {
				clients[s] = &client{known: s == strings.ToUpper(s)}
			}
			return clients[s]
		}
		var open []*slot
		share := map[bool]int{}
		for i, word := range strings.Fields(tc.open) {
			v := who(word[:1])
			v.held++
			share[v.known]++
			open = append(open, &slot{of: v, idle: len(word) == 1, since: uint64(i)})
		}
		comes := who(tc.comes)
		v, out := limits.decide(open, comes, share[comes.known])
		got := []string{"admit", "replace", "refuse", "reject"}[v]
		if v == replace {
			got += " " + string(rune('0'+out))
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestSource(t *testing.T) {
	for a, want := range map[string]string{
		"10.77.0.9": "10.77.0.9", "::ffff:10.77.0.9": "10.77.0.9", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "::1": "::",
	} {
		if got := Source(netip.MustParseAddr(a)).String(); got != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
	if Source(netip.Addr{}).IsValid() {
		t.Error("an invalid address is known")
	}
}
