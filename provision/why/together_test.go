package why

import (
	"fmt"
	"testing"
	"time"

	"rackhand/provision"
)

// TestTogetherMixed: on two links, boxes that stop by different rules are findings of their
// own, and a box that recovers leaves the others what they have.
func TestTogetherMixed(t *testing.T) {
	var all []Box
	for i, rule := range []string{"offers-lost", "not-on-the-wire", "offers-lost", "disk-guard", "offers-lost", "not-on-the-wire", "offers-lost", "not-on-the-wire"} {
		b := boxes(rule, time.Duration(i)*30*time.Second)[0]
		b.Host, b.Links = fmt.Sprintf("web%d", i+1), []string{fmt.Sprintf("the switch s%d", i%2), "network rack1"}
		all = append(all, b)
	}
	links, of := Together(all)
	if len(links) != 2 || of["web4"] != nil {
		t.Fatalf("%+v", links)
	}
	for i, want := range []string{"offers-lost the switch s0 [web1 web3 web5 web7]", "not-on-the-wire the switch s1 [web2 web6 web8]"} {
		if got := fmt.Sprint(links[i].Stuck.Rule, " ", links[i].Link, " ", links[i].Hosts); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	all[0].Stuck, all[1].Stuck = nil, nil // two recover
	links, of = Together(all)
	if len(links) != 1 || fmt.Sprint(links[0].Hosts) != "[web3 web5 web7]" || of["web6"] != nil || of["web1"] != nil {
		t.Errorf("%+v", links)
	}
}

// TestTogetherOthersPass: three bad cables are no fault of a link that carries as many other
// boxes.
func TestTogetherOthersPass(t *testing.T) {
	all := boxes("not-on-the-wire", 0, time.Minute, 2*time.Minute)
	for i, place := range []provision.Stage{provision.Packages, provision.Kernel, provision.Powered} {
		all = append(all, Box{Host: fmt.Sprint("db", i), Place: place, Links: all[0].Links})
	}
	if links, _ := Together(all); len(links) != 1 || len(links[0].Hosts) != 3 {
		t.Errorf("two pass, and one has not come so far: %+v", links)
	}
	all[5].Place = provision.Addressed
	if links, of := Together(all); len(links) != 0 || len(of) != 0 {
		t.Errorf("three pass: %+v", links)
	}
}
