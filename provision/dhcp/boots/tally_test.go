package boots

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rackhand/inventory"
)

var (
	mac   = inventory.MAC{0x52, 0x54, 0, 0x77, 0, 1}
	start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
)

// TestTally plays a card's packets, with the second at which each is sent: d is a DISCOVER
// of firmware that gets an offer, u one that gets none, s one of a system, r a REQUEST, p
// the host's power-on. Reports are B for Begins and U for Untaken, with the second and the
// tries.
func TestTally(t *testing.T) {
	type packet struct {
		at   int
		what string
	}
	for _, tc := range []struct {
		name    string
		packets []packet
		want    []string
	}{
		{"one boot", []packet{{0, "d"}, {0, "r"}}, []string{"B 0 1"}},
		{"a lost answer", []packet{{0, "d"}, {4, "d"}, {12, "d"}, {12, "r"}}, []string{"B 0 1"}},
		{"firmware that doesn't take it", []packet{{0, "d"}, {4, "d"}, {12, "d"}, {28, "d"}}, []string{"B 0 1", "U 28 4"}},
		{"in several rounds", []packet{{0, "d"}, {2, "d"}, {20, "d"}, {22, "d"}, {40, "d"}, {100, "d"}}, []string{"B 0 1", "U 20 3", "U 100 6"}},
		{"three times at once", []packet{{0, "d"}, {0, "d"}, {0, "d"}, {14, "d"}}, []string{"B 0 1"}},
		{"without an offer", []packet{{0, "u"}, {4, "u"}, {12, "u"}, {28, "u"}}, []string{"B 0 1"}},
		{"offers begin later", []packet{{0, "u"}, {20, "u"}, {40, "d"}, {50, "d"}, {60, "d"}}, []string{"B 0 1", "U 60 5"}},
		{"it asks again after it got its address", []packet{{0, "d"}, {0, "r"}, {9, "d"}, {9, "r"}}, []string{"B 0 1", "B 9 1"}},
		{"a system", []packet{{0, "s"}, {0, "r"}, {10, "s"}}, nil},
		{"a system that doesn't take it", []packet{{0, "s"}, {5, "s"}, {15, "s"}, {20, "s"}}, []string{"U 15 3"}},
		{"a system after firmware", []packet{{0, "d"}, {8, "d"}, {30, "s"}, {31, "r"}}, []string{"B 0 1"}},
		{"firmware after a system", []packet{{0, "s"}, {9, "d"}}, []string{"B 9 1"}},
		{"a long silence", []packet{{0, "d"}, {119, "d"}, {239, "d"}}, []string{"B 0 1", "B 239 1"}},
		{"powered on again", []packet{{0, "d"}, {10, "p"}, {30, "d"}, {40, "d"}}, []string{"B 0 1", "B 30 1"}},
		{"a request alone", []packet{{0, "r"}, {1, "d"}}, []string{"B 1 1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tally := NewTally()
			var got []string
			var expected time.Time
			for _, p := range tc.packets {
				now := start.Add(time.Duration(p.at) * time.Second)
				switch p.what {
				case "p":
					expected = now
					continue
				case "r":
					tally.Request(mac, now)
					continue
				}
				r, tries := tally.Discover(mac, Discover{Firmware: p.what != "s", Offered: p.what != "u", Expected: expected}, now)
				if r != Nothing {
					got = append(got, fmt.Sprintf("%c %d %d", " BU"[r], p.at, tries))
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("reports %q, want %q", got, tc.want)
			}
		})
	}
}

// TestTallyIsBounded checks that forged boots of a card are reported a few times a minute,
// and that the memory has a limit.
func TestTallyIsBounded(t *testing.T) {
	tally, reports := NewTally(), 0
	for i := range 600 { // two minutes
		now := start.Add(time.Duration(i) * 200 * time.Millisecond)
		if r, _ := tally.Discover(mac, Discover{Firmware: true, Offered: true}, now); r != Nothing {
			reports++
		}
		tally.Request(mac, now)
	}
	if reports != 2*beginsMost {
		t.Errorf("%d reports, want %d", reports, 2*beginsMost)
	}
	for i := range 2 * cardsMost {
		tally.Request(inventory.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}, start.Add(time.Hour+time.Duration(i)*time.Millisecond))
	}
	if len(tally.cards) != cardsMost || tally.HeardSince(mac, start) {
		t.Errorf("%d cards", len(tally.cards))
	}
}

func TestHeardSince(t *testing.T) {
	tally := NewTally()
	if tally.HeardSince(mac, start) {
		t.Error("heard before it sent anything")
	}
	tally.Discover(mac, Discover{}, start)
	if !tally.HeardSince(mac, start) || tally.HeardSince(mac, start.Add(time.Second)) {
		t.Error("a DISCOVER is heard when it comes")
	}
	tally.Request(mac, start.Add(time.Second))
	if !tally.HeardSince(mac, start.Add(time.Second)) {
		t.Error("a REQUEST isn't heard")
	}
}
