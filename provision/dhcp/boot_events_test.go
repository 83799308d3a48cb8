package dhcp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"rackhand/inventory"
	"rackhand/provision"
)

// facts lists the events of these kinds since the last call: host, kind, level and fields.
func (b *testServer) facts(kinds ...string) []map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []map[string]string
	for _, e := range b.events {
		for _, k := range kinds {
			if e.Kind != k {
				continue
			}
			m := map[string]string{"host": e.Host, "kind": e.Kind}
			if e.Level != "" {
				m["level"] = e.Level
			}
			for name, value := range e.Fields {
				m[name] = value
			}
			out = append(out, m)
		}
	}
	b.events = nil
	return out
}

func (b *testServer) wantFacts(name string, kinds []string, want ...map[string]string) {
	b.t.Helper()
	if diff := cmp.Diff(want, b.facts(kinds...)); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func secs(n uint16) option { return func(p *dhcpv4.DHCPv4) { p.NumSeconds = n } }

// onPort is a relay's packet from a port of a switch.
func onPort(relay, circuit, remote string) option {
	return func(p *dhcpv4.DHCPv4) {
		relayed(relay)(p)
		raw(82, sub(1, circuit)+sub(2, remote))(p)
	}
}

// TestDiscoverReported checks the event of firmware that begins to ask: once for each boot,
// as a server and as a proxy, on our link and through a relay, with an answer or without.
func TestDiscoverReported(t *testing.T) {
	kinds := []string{"discover"}
	pxeFields := func(more ...string) map[string]string {
		m := map[string]string{
			"host": "web1", "kind": "discover", "mac": web1.String(), "client": "PXE", "arch": "x64 UEFI", "vendor": "PXEClient:Arch:00007:UNDI:003001",
			"secs": "0", "tries": "1", "offered": "",
		}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for _, tc := range []struct {
		name    string
		prepare func(*testServer)
		packet  *dhcpv4.DHCPv4
		want    []map[string]string
	}{
		{"an offer", nil, discover(web1, pxe, secs(28)), []map[string]string{pxeFields("secs", "28", "offered", "10.77.0.130")}},
		{"the card's own iPXE", nil, discover(web1, ipxe, secs(6<<2)), []map[string]string{pxeFields("client", "iPXE", "secs", "25", "offered", "10.77.0.130")}},
		{"its boot program", func(b *testServer) { b.chained.Add(web1, b.now) }, discover(web1, ipxe), nil},
		{"a system", func(b *testServer) { b.UnderWay = func(string) bool { return true } }, discover(web1), nil},
		{"a box outside the inventory", nil, discover(stranger, pxe), nil},
		{"through a relay", nil, discover(web1, pxe, onPort("10.77.0.254", "Gi1/0/12", "sw1")), []map[string]string{
			pxeFields("offered", "10.77.0.130", "relay", "10.77.0.254", "circuit", "Gi1/0/12", "remote", "sw1"),
		}},
		{"through a relay outside the inventory", nil, discover(web1, pxe, relayed("192.0.2.1")), []map[string]string{pxeFields("relay", "192.0.2.1")}},
		{"a network that we may not serve", func(b *testServer) {
			b.MayServe = func(*inventory.Network) error { return errSlowDisk }
		}, discover(web1, pxe), []map[string]string{pxeFields()}},
		{"a network without DHCP", func(b *testServer) { b.snap.Networks["rack1"].DHCP = inventory.DHCPOff }, discover(web1, pxe), []map[string]string{pxeFields()}},
		{"a proxy with a boot program", func(b *testServer) {
			b.snap.Networks["rack1"].DHCP = inventory.DHCPProxy
			b.arm("web1")
		}, discover(web1, pxe), []map[string]string{pxeFields()}},
		{"a proxy through a relay", func(b *testServer) { b.snap.Networks["rack1"].DHCP = inventory.DHCPProxy }, discover(web1, pxe, onPort("10.77.0.254", "Gi1/0/12", "sw1")), []map[string]string{
			pxeFields("relay", "10.77.0.254", "circuit", "Gi1/0/12", "remote", "sw1"),
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newTestServer(t)
			if tc.prepare != nil {
				tc.prepare(b)
			}
			for range 2 {
				b.ask(tc.packet)
			}
			b.wantFacts("twice", kinds, tc.want...)
		})
	}
}

// TestOffersNotTaken checks a client that asks again and again and takes no offer: firmware
// at any time, a system or boot program only in an install.
func TestOffersNotTaken(t *testing.T) {
	for _, tc := range []struct {
		name     string
		who      option
		underWay bool
		mode     inventory.DHCPMode
		want     int
		offered  string
	}{
		{"firmware", pxe, false, "", 1, "10.77.0.130"},
		{"a system in an install", raw(60, "d-i"), true, "", 1, "10.77.0.130"},
		{"a system", raw(60, "d-i"), false, "", 0, ""},
		{"firmware, beside another server", pxe, false, inventory.DHCPProxy, 1, ""},
		{"a system in an install, beside another server", raw(60, "d-i"), true, inventory.DHCPProxy, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newTestServer(t)
			b.snap.Networks["rack1"].DHCP = tc.mode
			b.arm("web1")
			b.UnderWay = func(string) bool { return tc.underWay }
			b.ask(discover(web1, tc.who))
			b.facts()
			play := func(takes bool) {
				for range 4 {
					b.now = b.now.Add(8 * time.Second)
					b.ask(discover(web1, tc.who))
					if takes {
						b.ask(requestMessage(web1, tc.who, server("10.77.0.66"), requested("10.77.0.130")))
					}
				}
			}
			play(false)
			got := b.facts("discover")
			if len(got) != tc.want {
				t.Fatalf("events %v", got)
			}
			for _, e := range got {
				if e["level"] != provision.LevelWarn || e["tries"] != "3" || e["offered"] != tc.offered {
					t.Errorf("event %v", e)
				}
			}
			play(true)
			for _, e := range b.facts("discover") {
				if e["level"] != "" {
					t.Errorf("it takes the offers: %v", e)
				}
			}
		})
	}
}

// TestDiscoverFloods checks that a flood, of strangers or in a host's name, hides nothing of
// another host and causes a bounded number of events.
func TestDiscoverFloods(t *testing.T) {
	b := newTestServer(t)
	b.UnderWay = func(string) bool { return true }
	for n := range uint16(2000) {
		b.ask(discover(inventory.MAC{0x52, 0x54, 0, 0x99, byte(n >> 8), byte(n)}, pxe))
		b.ask(discover(web2, pxe))
		b.ask(requestMessage(web2, pxe, server("10.77.0.66"), requested("10.77.0.131")))
		b.ask(discover(web2, raw(60, "d-i")))
	}
	b.ask(discover(web1, pxe))
	got := map[string]int{}
	for _, e := range b.facts("discover", "chosen-other") {
		got[e["host"]+" "+e["kind"]]++
	}
	if diff := cmp.Diff(map[string]int{"web1 discover": 1, "web2 discover": 6, "web2 chosen-other": 1}, got); diff != "" {
		t.Error(diff)
	}
}

// TestChosenOther checks the event of a host that takes another server's offer.
func TestChosenOther(t *testing.T) {
	want := map[string]string{
		"host": "web1", "kind": "chosen-other", "level": "warn", "mac": web1.String(), "client": "PXE", "arch": "x64 UEFI", "vendor": "PXEClient:Arch:00007:UNDI:003001",
		"server": "10.77.0.66", "address": "10.77.0.99",
	}
	far := map[string]string{"relay": "10.77.0.254", "circuit": "p1", "remote": "sw1"}
	for name, value := range want {
		far[name] = value
	}
	to := func(mac inventory.MAC, address string, more ...option) *dhcpv4.DHCPv4 {
		return requestMessage(mac, append([]option{pxe, server(address), requested("10.77.0.99")}, more...)...)
	}
	for _, tc := range []struct {
		name   string
		mode   inventory.DHCPMode
		packet *dhcpv4.DHCPv4
		want   []map[string]string
	}{
		{"another server", "", to(web1, "10.77.0.66"), []map[string]string{want}},
		{"through a relay", "", to(web1, "10.77.0.66", onPort("10.77.0.254", "p1", "sw1")), []map[string]string{far}},
		{"us", "", to(web1, "10.77.0.1"), nil},
		{"us, on another link", "", to(web1, "10.78.0.1"), nil},
		{"a server of three bytes", "", requestMessage(web1, pxe, raw(54, "abc")), nil},
		{"no server", "", requestMessage(web1, pxe, requested("10.77.0.99")), nil},
		{"the server beside which we are a proxy", inventory.DHCPProxy, to(web1, "10.77.0.66"), nil},
		{"a box outside the inventory", "", to(stranger, "10.77.0.66"), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newTestServer(t)
			b.snap.Networks["rack1"].DHCP = tc.mode
			b.Own = func(a netip.Addr) bool { return a == netip.MustParseAddr("10.78.0.1") }
			for range 3 {
				b.ask(tc.packet)
			}
			b.wantFacts("three times", []string{"chosen-other"}, tc.want...)
			b.now = b.now.Add(time.Minute)
			b.ask(tc.packet)
			b.wantFacts("a minute later", []string{"chosen-other"}, tc.want...)
		})
	}
}

// TestAnotherCard checks the event of a card outside the inventory that is probably in the
// box of a host that is expected.
func TestAnotherCard(t *testing.T) {
	const uuid = "\x00\x44\x45\x4c\x4c\x00\x01\x02\x03\x80\x04\x05\x06\x07\x08\x09\x0a"
	kinds := []string{"another-card"}
	near := inventory.MAC{0x52, 0x54, 0, 0x77, 0, 0x46} // away's is 44
	far := inventory.MAC{2, 0, 0, 0, 0, 1}
	start := func(t *testing.T, mode inventory.DHCPMode) *testServer {
		b := newTestServer(t)
		for _, n := range b.snap.Networks {
			n.DHCP = mode
		}
		begin := b.now
		b.Expected = func(host string) (time.Time, bool) { return begin, host == "away" }
		return b
	}
	// lease has a card take a lease from us, or from the other server, an hour ago.
	lease := func(b *testServer, mac inventory.MAC, address, link string, options ...option) {
		b.now = b.now.Add(-time.Hour)
		options = append(options, pxe, requested(address), relayed(link))
		b.ask(discover(mac, options...))
		by := "10.77.0.1"
		if b.snap.Networks["rack1"].Mode() == inventory.DHCPProxy {
			by = "10.77.0.66"
		}
		b.ask(requestMessage(mac, append(options, server(by))...))
		b.now = b.now.Add(time.Hour)
		b.facts()
	}
	fields := func(mac inventory.MAC, by string) map[string]string {
		return map[string]string{
			"host": "away", "kind": "another-card", "level": "warn", "mac": mac.String(), "client": "PXE", "vendor": "PXEClient:Arch:00007:UNDI:003001",
			"by": by, "expected": away.String(),
		}
	}
	for _, mode := range []inventory.DHCPMode{inventory.DHCPAuthoritative, inventory.DHCPProxy} {
		t.Run(string(mode), func(t *testing.T) {
			b := start(t, mode)
			want := fields(near, "neighbouring-mac")
			if mode == inventory.DHCPAuthoritative {
				want["address"] = "10.77.0.200"
			}
			for range 3 {
				b.ask(discover(near, pxe))
			}
			b.wantFacts("a neighbour, three times", kinds, want)
			b.ask(discover(far, pxe))
			b.ask(discover(inventory.MAC{0x52, 0x54, 0, 0x77, 0, 0x47}))
			b.wantFacts("another box, and a system or BMC", kinds)

			b = start(t, mode)
			lease(b, away, "10.78.0.44", "10.78.0.1", raw(97, uuid))
			b.ask(discover(far, pxe, raw(97, uuid), relayed("192.0.2.1")))
			want = fields(far, "uuid")
			want["uuid"], want["relay"] = "4c4c4544-0100-0302-8004-05060708090a", "192.0.2.1"
			b.wantFacts("the same UUID, through a relay outside the inventory", kinds, want)

			b = start(t, mode)
			lease(b, away, "10.78.0.44", "10.78.0.1", onPort("10.78.0.1", "Gi1/0/12", "sw1"))
			b.ask(discover(far, pxe, onPort("10.78.0.1", "Gi1/0/12", "sw1")))
			want = fields(far, "switch-port")
			want["relay"], want["circuit"], want["remote"] = "10.78.0.1", "Gi1/0/12", "sw1"
			b.wantFacts("the same switch port", kinds, want)
		})
	}

	b := start(t, "")
	lease(b, away, "10.78.0.44", "10.78.0.1", raw(97, uuid))
	lease(b, web1, "10.77.0.130", "10.77.0.254", raw(97, uuid))
	b.ask(discover(far, pxe, raw(97, uuid)))
	b.wantFacts("a UUID that two hosts have", kinds)

	b = start(t, "")
	b.ask(discover(away, pxe, relayed("10.78.0.1")))
	b.ask(discover(near, pxe))
	b.wantFacts("the host was heard", kinds)

	b = start(t, "")
	b.Expected = func(string) (time.Time, bool) { return time.Time{}, false }
	b.ask(discover(near, pxe))
	b.Expected = nil
	b.now = b.now.Add(time.Minute)
	b.ask(discover(near, pxe))
	b.wantFacts("no host is expected", kinds)

	b = start(t, "")
	withBMC(b.snap, "10.78.0.111")
	mac := b.snap.Hosts["web1"].BMC.MAC
	b.Expected = func(host string) (time.Time, bool) { return time.Time{}, host == "web1" }
	b.snap.Hosts["web1"].MACs = []inventory.MAC{{mac[0], mac[1], mac[2], mac[3], mac[4], mac[5] ^ 1}}
	b.ask(discover(mac, pxe))
	b.wantFacts("a BMC of the inventory", kinds)
}

// TestAnotherCardFlood checks that cards forged in a host's name cause a bounded number of
// events, and hide no other host's.
func TestAnotherCardFlood(t *testing.T) {
	const uuid = "\x00\x44\x45\x4c\x4c\x00\x01\x02\x03\x80\x04\x05\x06\x07\x08\x09\x0a"
	b := newTestServer(t)
	b.Expected = func(host string) (time.Time, bool) { return b.now.Add(-time.Minute), host == "web1" || host == "away" }
	b.now = b.now.Add(-time.Hour)
	b.join(web1, pxe, raw(97, uuid))
	b.now = b.now.Add(time.Hour)
	b.facts()
	for n := range uint16(500) {
		b.ask(discover(inventory.MAC{2, 0x99, 0, 0, byte(n >> 8), byte(n)}, pxe, raw(97, uuid)))
	}
	b.ask(discover(inventory.MAC{0x52, 0x54, 0, 0x77, 0, 0x45}, pxe))
	got := map[string]int{}
	for _, e := range b.facts("another-card") {
		got[e["host"]]++
	}
	if diff := cmp.Diff(map[string]int{"web1": provision.FloodHost, "away": 1}, got); diff != "" {
		t.Error(diff)
	}
}
