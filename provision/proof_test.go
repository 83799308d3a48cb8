package provision

import (
	"fmt"
	"testing"
	"time"
)

// TestOffers: an offered token takes nothing from the attempt under way; of many the latest
// wait; the first that is used is the attempt's, and the others are good no more.
func TestOffers(t *testing.T) {
	at := time.Unix(1000, 0)
	in := Install{Attempts: 1, Token: "of the first attempt", From: []string{"10.0.0.1"}, TokenSpent: true, Enrol: "e", Packed: true, Stage: Packages}
	offered := in
	for i := range 10 {
		offered = offered.Offer(fmt.Sprint("offer ", i))
	}
	if offered.Token != in.Token || offered.Attempts != 1 || offered.Enrol != "e" || !offered.Packed || len(in.Offers) != 0 || len(offered.Offers) != maxOffers {
		t.Errorf("%+v", offered)
	}
	if offered.Offered("offer 5") || !offered.Offered("offer 6") || !offered.Offered("offer 9") || offered.Offered("") || offered.Offered(in.Token) {
		t.Errorf("%v", offered.Offers)
	}
	next := offered.Attempt("offer 9", at, at)
	if next.Token != "offer 9" || next.Attempts != 2 || next.Offers != nil || next.From != nil || next.TokenSpent || next.Enrol != "" || next.Packed {
		t.Errorf("%+v", next)
	}
}

// TestProved: a token is good where it was taken before, at so many addresses at most, and
// no other token is.
func TestProved(t *testing.T) {
	in := Install{Token: "t"}
	if in.Proved("t", "10.0.0.1") {
		t.Error("nothing was proved")
	}
	for i := range 10 {
		before := in
		in = in.Prove(fmt.Sprint("10.0.0.", i)).Prove("10.0.0.0")
		if len(before.From) > 0 && &before.From[0] == &in.From[0] && len(before.From) != len(in.From) {
			t.Error("two installs share their addresses")
		}
	}
	if len(in.From) != maxFrom || !in.Proved("t", "10.0.0.1") || in.Proved("t", "10.0.0.9") || in.Proved("u", "10.0.0.1") {
		t.Errorf("%v", in.From)
	}
	if in.Token = ""; in.Proved("", "10.0.0.1") {
		t.Error("no token is one")
	}
}

// TestNeverCame: what is no install.
func TestNeverCame(t *testing.T) {
	for _, tt := range []struct {
		in   Install
		want bool
	}{
		{Install{First: true, Stage: Failed}, true},
		{Install{Stage: Failed}, false},
		{Install{First: true, Stage: Failed, Attempts: 1}, false},
		{Install{First: true, Stage: Cancelled}, false},
		{Install{First: true, Stage: Addressed}, false},
		{Install{First: true, Stage: Failed, Job: JobBurnin}, false},
	} {
		if got := tt.in.NeverCame(); got != tt.want {
			t.Errorf("%+v: %v", tt.in, got)
		}
	}
}

// TestForgedOnTheWay: no lease that is forged, before the arming expires or after, strands
// a box that is on its way; nor does one hold an arming open for longer than a boot takes.
func TestForgedOnTheWay(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	ack := func(in Install, s int) Install {
		return in.Advance(Event{Source: "dhcp", Kind: "ack", Stage: Addressed, Counted: at(s)})
	}
	for _, tt := range []struct {
		name string
		acks []int
		now  int
		want bool
	}{
		{"forged at the start", []int{1, 3590}, 3700, true},
		{"forged after the end", []int{3590, 3601, 3650}, 3700, true},
		{"forged alone after the end", []int{3601}, 3700, false},
		{"forged for ever", []int{3600, 3900, 4200}, 4201, false},
	} {
		in := Install{Armed: true, Stage: Requested, Expires: at(3600)}
		for _, s := range tt.acks {
			in = ack(in, s)
		}
		if got := in.Begun(at(tt.now)); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
