package provision

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// newFlood is a Flood by a clock that the test moves.
func newFlood() (*Flood, *time.Time) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return NewFlood(func() time.Time { return now }), &now
}

// Forged senders don't multiply: what all of them leave is one share and one sum.
func TestFloodOfStrangers(t *testing.T) {
	f, now := newFlood()
	let := 0
	for i := range 4000 {
		if f.Allow("http script-refused", "", fmt.Sprint("10.77.1.", i%3000)) {
			let++
		}
	}
	if let != FloodMost {
		t.Errorf("%d of 4,000 were let through, want %d", let, FloodMost)
	}
	if got := f.Over(); len(got) != 0 {
		t.Errorf("summed up at once: %+v", got)
	}
	*now = now.Add(time.Minute)
	over := f.Over()
	if len(over) != 1 {
		t.Fatalf("%d sums: %+v", len(over), over)
	}
	// 60 of the second round were told of in the first.
	if e := over[0]; e.Kind != "flood" || e.Host != "" || e.Fields["more"] != "3880" || e.Fields["senders"] != "2940" || !strings.Contains(e.Message, "3880 more") {
		t.Errorf("%+v", e)
	}
	if got := f.Over(); len(got) != 0 {
		t.Errorf("summed up twice: %+v", got)
	}
	*now = now.Add(time.Minute)
	if !f.Allow("http script-refused", "", "10.77.1.9") {
		t.Error("nothing is told after the flood")
	}
}

// A flood of strangers hides no host, and one in a host's name no other.
func TestFloodHidesNoHost(t *testing.T) {
	f, now := newFlood()
	for i := range 4000 {
		f.Allow("dhcp nak", "", fmt.Sprint(i))
		f.Allow("dhcp nak", "web1", fmt.Sprint(i))
	}
	if !f.Allow("dhcp nak", "web2", "52:54:00:00:00:02") {
		t.Error("web2's is hidden")
	}
	if !f.Allow("dhcp decline", "web1", "52:54:00:00:00:01") || !f.Allow("dhcp decline", "", "x") {
		t.Error("another kind is hidden")
	}
	*now = now.Add(time.Minute)
	over := f.Over()
	if len(over) != 2 || over[0].Host != "" || over[1].Host != "web1" || over[1].Fields["more"] != fmt.Sprint(4000-FloodHost) {
		t.Errorf("%+v", over)
	}
}

// One that asks again is told of once a minute, and that is no flood.
func TestFloodOnceAMinute(t *testing.T) {
	f, now := newFlood()
	let := 0
	for range 120 { // ten minutes, a packet in 5 s
		if f.Allow("dhcp unclaimed", "", "52:54:00:00:00:01") {
			let++
		}
		if over := f.Over(); len(over) > 0 {
			t.Fatalf("%+v", over)
		}
		*now = now.Add(5 * time.Second)
	}
	if let != 10 {
		t.Errorf("told of %d times in ten minutes", let)
	}
	*now = now.Add(-time.Hour)
	if !f.Allow("dhcp unclaimed", "", "52:54:00:00:00:01") {
		t.Error("a clock that was set back keeps it quiet")
	}
}

// Whatever is made up, what is remembered is bounded, and goes when it is over.
func TestFloodIsBounded(t *testing.T) {
	f, now := newFlood()
	for range 10 {
		for i := range 2 * floodSources {
			f.Allow("dhcp unclaimed", "", fmt.Sprint(i, now))
		}
		*now = now.Add(30 * time.Second)
	}
	s := f.shares[shareOf{"dhcp unclaimed", ""}]
	if len(s.said) > FloodUnclaimed+FloodMost || len(s.from) > floodSources {
		t.Errorf("%d told of, %d senders are remembered", len(s.said), len(s.from))
	}
	over := f.Over()
	if len(over) != 1 || over[0].Fields["senders"] != fmt.Sprint("more than ", floodSources) {
		t.Errorf("%+v", over)
	}
	*now = now.Add(2 * time.Minute)
	f.Over()
	if len(f.shares) != 0 {
		t.Errorf("%d shares are kept", len(f.shares))
	}
}
