package routeradvert

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
)

// TestSolicitor checks which messages are answered, and the answer byte by byte.
func TestSolicitor(t *testing.T) {
	from := netip.MustParseAddr("fe80::1%eth0")
	rs, hops := &ndp.RouterSolicitation{}, func(n int) *ipv6.ControlMessage { return &ipv6.ControlMessage{HopLimit: n} }
	for _, tc := range []struct {
		name string
		m    ndp.Message
		cm   *ipv6.ControlMessage
		from netip.Addr
		want bool
	}{
		{"solicitation", rs, hops(255), from, true},
		{"from another link", rs, hops(254), from, false},
		{"hop limit unknown", rs, nil, from, false},
		{"no source", rs, hops(255), netip.IPv6Unspecified(), false},
		{"global source", rs, hops(255), netip.MustParseAddr("2001:db8::1"), false},
		{"an advertisement", &ndp.RouterAdvertisement{}, hops(255), from, false},
	} {
		if to, got := solicitor(tc.m, tc.cm, tc.from); got != tc.want || got && to != tc.from {
			t.Errorf("%s: %v, %s", tc.name, got, to)
		}
	}
	b, err := ndp.MarshalMessage(advertisement(net.HardwareAddr{0x52, 0x54, 0, 0x77, 0, 1}))
	if err != nil {
		t.Fatal(err)
	}
	// RFC 4861 section 4.2: type 134, flags 0, router lifetime 0, and no prefix. The
	// only option is our link-layer address.
	want := []byte{134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0x52, 0x54, 0, 0x77, 0, 1}
	if !bytes.Equal(b, want) {
		t.Errorf("advertisement % x, want % x", b, want)
	}
}
