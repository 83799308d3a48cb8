package ipmi

import (
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bougou/go-ipmi/pkg/hal"
	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

func TestNetwork(t *testing.T) {
	b := bmctest.Serve(t)
	network := b.State.HAL().Network()
	if err := network.SetConfig(t.Context(), &hal.IPConfig{IP: [4]byte{10, 77, 0, 5}, Mask: [4]byte{255, 255, 255, 0}, Gateway: [4]byte{10, 77, 0, 1}, MAC: [6]byte{0x52, 0x54, 0, 1, 2, 3}, DHCP: true}); err != nil {
		t.Fatal(err)
	}
	var wrote []string
	b.Answer(types.CommandSetLanConfigParam, func(data []byte) ([]byte, types.CompletionCode) {
		if data[1] == lanProgress {
			return nil, types.CodeParameterNotSupported
		}
		wrote = append(wrote, strings.ReplaceAll(strings.TrimSpace(netText(data)), "  ", " "))
		return nil, types.CodeOK
	})
	s := open(t, b)
	was := bmc.Network{MAC: [6]byte{0x52, 0x54, 0, 1, 2, 3}, DHCP: true, Address: netip.MustParsePrefix("10.77.0.5/24"), Gateway: netip.MustParseAddr("10.77.0.1")}
	if got, err := s.Network(t.Context()); err != nil || got != was {
		t.Errorf("%+v, %v", got, err)
	}
	for _, tt := range []struct {
		name   string
		change func(*bmc.Network)
		want   string
		fails  string
	}{
		{"as it is", func(*bmc.Network) {}, "", ""},
		{"a fixed address", func(n *bmc.Network) { n.DHCP, n.Address = false, netip.MustParsePrefix("10.77.0.6/25") }, "4=01 6=ffffff80 3=0a4d0006", ""},
		{"a VLAN", func(n *bmc.Network) { n.VLAN = 300 }, "20=2c81", ""},
		{"no gateway", func(n *bmc.Network) { n.DHCP, n.Gateway = false, netip.Addr{} }, "4=01 12=00000000", ""},
		{"a gateway elsewhere", func(n *bmc.Network) { n.DHCP, n.Gateway = false, netip.MustParseAddr("10.78.0.1") }, "", "not in 10.77.0.0/24"},
		{"IPv6", func(n *bmc.Network) { n.DHCP, n.Address = false, netip.MustParsePrefix("fd00::1/64") }, "", "no address for a BMC"},
		{"VLAN 5000", func(n *bmc.Network) { n.VLAN = 5000 }, "", "between 1 and 4094"},
	} {
		wrote = nil
		n := was
		tt.change(&n)
		err := s.SetNetwork(t.Context(), n)
		if strings.Join(wrote, " ") != tt.want || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
			t.Errorf("%s: wrote %v, %v, want %s", tt.name, wrote, err, tt.want)
		}
	}
	if _, ok := maskBits([4]byte{255, 0, 255, 0}); ok {
		t.Error("255.0.255.0 is no mask")
	}
	if bits, ok := maskBits([4]byte{}); !ok || bits != 0 {
		t.Error("0.0.0.0 is the mask of a BMC without an address")
	}
}

// TestNetworkGone: a BMC that takes its new address is silent at the old one.
func TestNetworkGone(t *testing.T) {
	b := bmctest.Serve(t)
	var gone atomic.Bool
	b.Answer(types.CommandSetLanConfigParam, func(data []byte) ([]byte, types.CompletionCode) {
		gone.Store(data[1] == lanAddress)
		return nil, types.CodeOK
	})
	target := bmctest.Relay(t, b.Target, pass, func(d []byte) [][]byte {
		if gone.Load() {
			return nil
		}
		return pass(d)
	})
	s, err := Driver{Exchange: 30 * time.Millisecond}.Open(t.Context(), target, &bmc.Memory{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	err = s.SetNetwork(t.Context(), bmc.Network{Address: netip.MustParsePrefix("10.77.0.9/24")})
	if !errors.Is(err, bmc.ErrSilent) || !strings.Contains(err.Error(), "at its new address") {
		t.Error(err)
	}
}

func netText(data []byte) string {
	const digits = "0123456789abcdef"
	text := itoa(int(data[1])) + "="
	for _, c := range data[2:] {
		text += string(digits[c>>4]) + string(digits[c&15])
	}
	return text
}
