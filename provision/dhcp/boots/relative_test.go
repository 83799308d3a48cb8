package boots

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/inventory"
)

func TestRelative(t *testing.T) {
	const uuid, other, fake = "4c4c4544-0100-0302-8004-05060708090a", "4c4c4544-0100-0302-8004-0506070809ff", "03000200-0400-0500-0006-000700080009"
	port, port2 := Port{"10.0.0.1", "Gi1/0/12", "sw1"}, Port{"10.0.0.1", "Gi1/0/13", "sw1"}
	at := func(last byte) inventory.MAC { return inventory.MAC{0x52, 0x54, 0, 0x77, 0, last} }
	far := inventory.MAC{2, 0, 0, 0, 0, 1}
	web1 := Host{Name: "web1", MACs: []inventory.MAC{at(0x10)}, UUIDs: []string{uuid}, Ports: []Port{port}}
	web2 := Host{Name: "web2", MACs: []inventory.MAC{at(0x20), at(0x30)}}
	for _, tc := range []struct {
		name  string
		card  Card
		hosts []Host
		host  string
		by    Evidence
	}{
		{"the same UUID", Card{far, uuid, port2}, []Host{web1, web2}, "web1", SameUUID},
		{"the same port", Card{far, "", port}, []Host{web1, web2}, "web1", SamePort},
		{"the address above", Card{at(0x11), "", Port{}}, []Host{web1, web2}, "web1", NeighbouringMAC},
		{"the address below", Card{at(0x0f), "", Port{}}, []Host{web1, web2}, "web1", NeighbouringMAC},
		{"seven away", Card{at(0x17), "", Port{}}, []Host{web1, web2}, "web1", NeighbouringMAC},
		{"eight away", Card{at(0x18), "", Port{}}, []Host{web1}, "", ""},
		{"next to a second card", Card{at(0x2f), "", Port{}}, []Host{web1, web2}, "web2", NeighbouringMAC},
		{"another block", Card{inventory.MAC{0x52, 0x54, 0, 0x77, 1, 0x11}, "", Port{}}, []Host{web1}, "", ""},
		{"the block's border isn't crossed", Card{at(0xff), "", Port{}}, []Host{{Name: "web3", MACs: []inventory.MAC{at(0)}}}, "", ""},
		{"another UUID", Card{at(0x11), other, port}, []Host{web1}, "", ""},
		{"a UUID that all boards have", Card{at(0x11), fake, Port{}}, []Host{web1}, "web1", NeighbouringMAC},
		{"that UUID on both", Card{far, fake, Port{}}, []Host{{Name: "web3", UUIDs: []string{fake}}}, "", ""},
		{"a neighbour of two hosts", Card{at(0x11), "", Port{}}, []Host{web1, {Name: "web3", MACs: []inventory.MAC{at(0x12)}}}, "", ""},
		{"which its UUID tells apart", Card{at(0x11), uuid, Port{}}, []Host{web1, {Name: "web3", MACs: []inventory.MAC{at(0x12)}}}, "web1", SameUUID},
		{"a switch port without a name", Card{far, "", Port{Relay: "10.0.0.1"}}, []Host{{Name: "web3", Ports: []Port{{Relay: "10.0.0.1"}}}}, "", ""},
		{"the port of another switch", Card{far, "", Port{"10.0.0.1", "Gi1/0/12", "sw2"}}, []Host{web1}, "", ""},
		{"no host is expected", Card{at(0x11), uuid, port}, nil, "", ""},
	} {
		host, by := Relative(tc.card, tc.hosts)
		if by != tc.by || by != "" && host.Name != tc.host {
			t.Errorf("%s: %q by %q, want %q by %q", tc.name, host.Name, by, tc.host, tc.by)
		}
	}
}

func TestIdentify(t *testing.T) {
	const own, shared, fake = "4c4c4544-0100-0302-8004-05060708090a", "4c4c4544-0100-0302-8004-0506070809ff", "ffffffff-ffff-ffff-ffff-ffffffffffff"
	port, uplink := Port{"", "p1", "sw1"}, Port{"", "p48", "sw1"}
	hosts := []Host{{Name: "web1"}, {Name: "web2"}}
	Identify(hosts, map[string][]Card{
		"web1": {{UUID: own, Port: port}, {UUID: own, Port: uplink}, {UUID: fake}},
		"web2": {{UUID: shared, Port: uplink}},
		"web3": {{UUID: shared}}, // not expected
	})
	if diff := cmp.Diff([]Host{{Name: "web1", UUIDs: []string{own, own}, Ports: []Port{port}}, {Name: "web2"}}, hosts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
