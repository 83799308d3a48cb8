package hardware

import (
	"net"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestReadLease(t *testing.T) {
	ip := func(s string) net.IP { return net.ParseIP(s).To4() }
	_, far, _ := net.ParseCIDR("10.0.0.0/8")
	for _, c := range []struct {
		name   string
		mods   []dhcpv4.Modifier
		want   string // address and routes
		refuse bool
	}{
		{"router", []dhcpv4.Modifier{dhcpv4.WithYourIP(ip("10.1.0.5")), dhcpv4.WithNetmask(net.CIDRMask(16, 32)), dhcpv4.WithOption(dhcpv4.OptRouter(ip("10.1.0.1"), ip("10.1.0.2")))}, "10.1.0.5/16 0.0.0.0/0>10.1.0.1", false},
		{"classless", []dhcpv4.Modifier{
			dhcpv4.WithYourIP(ip("10.1.0.5")), dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithOption(dhcpv4.OptRouter(ip("10.1.0.1"))),
			dhcpv4.WithOption(dhcpv4.OptClasslessStaticRoute(&dhcpv4.Route{Dest: far, Router: ip("10.1.0.3")})),
		}, "10.1.0.5/24 10.0.0.0/8>10.1.0.3", false},
		{"no mask", []dhcpv4.Modifier{dhcpv4.WithYourIP(ip("10.1.0.5"))}, "10.1.0.5/24", false},
		{"no address", nil, "", true},
	} {
		ack, err := dhcpv4.New(c.mods...)
		if err != nil {
			t.Fatal(err)
		}
		l, err := readLease("eth0", ack)
		if c.refuse {
			if err == nil {
				t.Errorf("%s: %+v", c.name, l)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := l.Address.String()
		for _, r := range l.Routes {
			got += " " + r.Dest.String() + ">" + r.Router.String()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
