package dhcp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"rackhand/inventory"
)

func route4(to, via string) inventory.Route {
	return inventory.Route{To: netip.MustParsePrefix(to), Via: netip.MustParseAddr(via)}
}

// TestRoutes checks the examples of RFC 3442, and the default router that is added to them.
func TestRoutes(t *testing.T) {
	gateway := netip.MustParseAddr("10.77.0.254")
	router := "\x00\x0a\x4d\x00\xfe"
	for _, tc := range []struct {
		name    string
		routes  []inventory.Route
		gateway netip.Addr
		want    string
	}{
		{"none", nil, gateway, ""},
		{"/8, /16, /24, /27, /32", []inventory.Route{
			route4("10.0.0.0/8", "10.77.0.1"), route4("10.17.0.0/16", "10.77.0.1"), route4("10.27.129.0/24", "10.77.0.1"),
			route4("10.229.0.128/27", "10.77.0.1"), route4("10.198.122.47/32", "10.77.0.1"),
		}, gateway, "\x08\x0a\x0a\x4d\x00\x01" + "\x10\x0a\x11\x0a\x4d\x00\x01" + "\x18\x0a\x1b\x81\x0a\x4d\x00\x01" +
			"\x1b\x0a\xe5\x00\x80\x0a\x4d\x00\x01" + "\x20\x0a\xc6\x7a\x2f\x0a\x4d\x00\x01" + router},
		{"without a router", []inventory.Route{route4("10.0.0.0/8", "10.77.0.1")}, netip.Addr{}, "\x08\x0a\x0a\x4d\x00\x01"},
		{"default named", []inventory.Route{route4("0.0.0.0/0", "10.77.0.9")}, gateway, "\x00\x0a\x4d\x00\x09"},
		{"on the link", []inventory.Route{route4("10.9.0.0/16", "0.0.0.0")}, netip.Addr{}, "\x10\x0a\x09\x00\x00\x00\x00"},
		{"bits beyond the prefix", []inventory.Route{route4("10.9.8.7/16", "10.77.0.1")}, netip.Addr{}, "\x10\x0a\x09\x0a\x4d\x00\x01"},
		{"IPv6, and nothing", []inventory.Route{route4("2001:db8::/32", "10.77.0.1"), {}}, netip.Addr{}, ""},
	} {
		before := slices.Clone(tc.routes)
		if got := string(routes(tc.routes, tc.gateway)); got != tc.want {
			t.Errorf("%s: % x, want % x", tc.name, got, tc.want)
		}
		if !slices.Equal(before, tc.routes) {
			t.Errorf("%s: the inventory was changed", tc.name)
		}
	}
}

// TestSearchList decodes the option with a foreign decoder, which knows pointers.
func TestSearchList(t *testing.T) {
	long := strings.Repeat("l", 63)
	for _, tc := range []struct {
		names, want []string
		size        int // bytes; each suffix is encoded once
	}{
		{nil, nil, 0},
		{[]string{"rack1.example.org"}, []string{"rack1.example.org"}, 19},
		{[]string{"rack1.example.org", "example.org", "Rack2.Example.Org."}, []string{"rack1.example.org", "example.org", "rack2.example.org"}, 19 + 2 + 8},
		{[]string{"eng.apple.com.", "marketing.apple.com."}, []string{"eng.apple.com", "marketing.apple.com"}, 27}, // the example of RFC 3397
		{[]string{"org", "org"}, []string{"org", "org"}, 7},
		{[]string{"", ".", "a..b", long + "x.org", strings.Repeat(long+".", 4) + "org", long + ".org"}, []string{long + ".org"}, 69},
	} {
		b := searchList(tc.names)
		if len(b) != tc.size {
			t.Errorf("%q: %d bytes, want %d", tc.names, len(b), tc.size)
		}
		if len(b) == 0 {
			continue
		}
		labels, err := rfc1035label.FromBytes(b)
		if err != nil || !slices.Equal(labels.Labels, tc.want) {
			t.Errorf("%q: read back %q, %v", tc.names, labels, err)
		}
	}
}

// TestNetworkOptions checks that the operator's settings go to clients that ask for them,
// and options by number to all.
func TestNetworkOptions(t *testing.T) {
	settle := func(b *testServer) *inventory.Network {
		n := b.snap.Networks["rack1"]
		n.Search, n.MTU, n.LeaseTime = []string{"rack.example", "example"}, 9000, 10*time.Minute
		n.Routes = []inventory.Route{route4("10.9.0.0/16", "10.77.0.253")}
		n.Options = map[uint8][]byte{
			150: {10, 77, 0, 9}, 252: []byte("http://wpad/"), 43: []byte("\x01\x01\x01"),
			// The operator can't set these, even if the inventory accepts them.
			0: {1}, 255: {1}, 53: {6}, 54: {1, 2, 3, 4}, 51: {0, 0, 0, 1}, 61: []byte("x"), 82: []byte("x"), 66: []byte("evil"), 67: []byte("evil"), 1: {0, 0, 0, 0},
		}
		return n
	}
	const all = "\x01\x03\x06\x0c\x0f\x1a\x2a\x77\x79"
	for _, tc := range []struct {
		name string
		opts []option
		want map[uint8]string
	}{
		{"asks for nothing", []option{raw(55, "\x01")}, map[uint8]string{15: "", 26: "", 119: "", 121: "", 42: "", 12: "", 150: "\x0a\x4d\x00\x09", 252: "http://wpad/", 43: "\x01\x01\x01"}},
		{"asks for all", []option{raw(55, all)}, map[uint8]string{
			3: bytesOf("10.77.0.254"), 12: "web1", 15: "rack.example", 26: "\x23\x28", 42: bytesOf("10.77.0.2"),
			119: "\x04rack\x07example\x00\xc0\x05", 121: "\x10\x0a\x09\x0a\x4d\x00\xfd\x00\x0a\x4d\x00\xfe", 150: "\x0a\x4d\x00\x09",
		}},
		{"sends no list", nil, map[uint8]string{26: "\x23\x28", 119: "\x04rack\x07example\x00\xc0\x05"}},
		{"firmware", []option{pxe, raw(55, all)}, map[uint8]string{43: "", 150: "\x0a\x4d\x00\x09", 66: "10.77.0.1", 67: "snponly.efi\x00"}},
	} {
		b := newTestServer(t)
		b.arm("web1")
		settle(b)
		r := b.ask(discover(web1, tc.opts...))
		tc.want[51], tc.want[58], tc.want[59] = "\x00\x00\x02\x58", "\x00\x00\x01\x2c", "\x00\x00\x02\x0d"
		tc.want[1], tc.want[53], tc.want[54], tc.want[61] = "\xff\xff\xff\x00", "\x02", bytesOf("10.77.0.1"), ""
		if _, firmware := tc.want[66]; !firmware {
			tc.want[66], tc.want[67] = "", ""
		}
		for code, want := range tc.want {
			if got := string(r.Options.Get(dhcpv4.GenericOptionCode(code))); got != want {
				t.Errorf("%s: option %d: %q, want %q", tc.name, code, got, want)
			}
		}
	}
	b := newTestServer(t)
	settle(b)
	b.join(web1)
	if l := b.lease(web1); !l.Expires.Equal(b.now.Add(10 * time.Minute)) {
		t.Errorf("lease %+v", l)
	}
	// An INFORM gets settings and no lease; a NAK gets neither.
	r := b.ask(message(web1, dhcpv4.MessageTypeInform, ciaddr("10.77.0.130"), raw(55, all)))
	if r.Options.Has(dhcpv4.OptionIPAddressLeaseTime) || !r.Options.Has(dhcpv4.OptionInterfaceMTU) {
		t.Errorf("inform: %s", r.Summary())
	}
	r = b.ask(requestMessage(web1, ciaddr("10.77.0.9")))
	if len(r.Options) != 3 { // 53, 54, 56
		t.Errorf("refused: %s", r.Summary())
	}
}

// TestDroppable checks which options are dropped first, and that options for booting never
// are.
func TestDroppable(t *testing.T) {
	o := dhcpv4.Options{}
	for code := 1; code < 255; code++ {
		o[uint8(code)] = nil
	}
	o[200], o[201], o[202] = make([]byte, 9), make([]byte, 90), make([]byte, 9)
	got := droppable(o)
	if head := fmt.Sprint(got[:7]); head != "[119 42 15 12 201 200 202]" {
		t.Errorf("first: %s", head)
	}
	if tail := fmt.Sprint(got[len(got)-3:]); tail != "[121 26 6]" {
		t.Errorf("last: %s", tail)
	}
	for _, code := range []uint8{1, 3, 51, 53, 54, 58, 59, 60, 61, 66, 67, 82, 97, 175} {
		if slices.Contains(got, code) {
			t.Errorf("%d would be left out", code)
		}
	}
}

// TestFitsAll checks a network with all settings, for a client that accepts 576 bytes and
// one that accepts more.
func TestFitsAll(t *testing.T) {
	for size, whole := range map[string]bool{"": false, "\x02\x40": false, "\x04\x00": true, "\x05\xdc": true} {
		b := newTestServer(t)
		b.arm("web1")
		n := b.snap.Networks["rack1"]
		n.MTU, n.Search, n.Domain = 1400, []string{strings.Repeat("s", 60) + ".example"}, "rack.example"
		n.Routes = []inventory.Route{route4("10.9.0.0/16", "10.77.0.253")}
		n.Options = map[uint8][]byte{224: make([]byte, 200), 225: make([]byte, 20)}
		msg := discover(web1, ipxe, raw(61, strings.Repeat("i", 60)), relayed("10.77.0.254"), raw(82, sub(1, strings.Repeat("p", 40))))
		if size != "" {
			raw(57, size)(msg)
		}
		r := b.ask(msg)
		if n := len(r.ToBytes()) + ipLen + udpLen; !whole && n > 576 {
			t.Errorf("option 57 % x: %d bytes", size, n)
		}
		for code, kept := range map[uint8]bool{67: true, 3: true, 6: true, 61: true, 82: true, 121: true, 175: true, 26: true, 225: true, 224: whole, 119: whole, 15: whole} {
			if got := r.Options.Has(dhcpv4.GenericOptionCode(code)); got != kept {
				t.Errorf("option 57 % x: option %d there: %v", size, code, got)
			}
		}
	}
}
