package power

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"testing"

	"rackhand/provision/bmc"
)

// consoles is a driver that notes which console is opened.
type consoles struct {
	bmc.Driver
	opened []bmc.Target
}

func (c *consoles) OpenConsole(_ context.Context, t bmc.Target, _ *bmc.Memory, _ bool) (io.ReadWriteCloser, error) {
	c.opened = append(c.opened, t)
	return nil, nil
}

// TestConsole: a console is opened by IPMI where the BMC is spoken to by that, or the
// inventory says so; never because Redfish refused something.
func TestConsole(t *testing.T) {
	for _, tt := range []struct {
		target     bmc.Target
		remembered bmc.Protocol
		beside     bool
		port       uint16 // 0: refused
	}{
		{bmc.Target{Protocol: bmc.IPMI}, "", false, 623},
		{bmc.Target{Protocol: bmc.Auto}, "", false, 623},
		{bmc.Target{Protocol: bmc.Auto}, bmc.Redfish, false, 0},
		{bmc.Target{Protocol: bmc.Auto, Fingerprint: "5e"}, "", false, 0},
		{bmc.Target{Protocol: bmc.Redfish}, "", false, 0},
		{bmc.Target{Protocol: bmc.Redfish}, bmc.IPMI, false, 0},
		{bmc.Target{Protocol: bmc.Redfish}, "", true, 623},
	} {
		d := &consoles{}
		c := New(Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: d}})
		tt.target.Address = netip.MustParseAddrPort("192.0.2.1:0")
		c.known(tt.target.Address).memory.Protocol = tt.remembered
		_, err := c.Console(t.Context(), tt.target, tt.beside, false)
		switch {
		case tt.port == 0:
			if !errors.Is(err, bmc.ErrConsoleOff) || len(d.opened) != 0 {
				t.Errorf("%+v, %s remembered: %v, %v", tt.target, tt.remembered, d.opened, err)
			}
		case err != nil || len(d.opened) != 1 || d.opened[0].Address.Port() != tt.port || d.opened[0].Privilege != bmc.Operator:
			t.Errorf("%+v, %s remembered: %+v, %v", tt.target, tt.remembered, d.opened, err)
		}
	}
	c := New(Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: struct{ bmc.Driver }{}}})
	if _, err := c.Console(t.Context(), bmc.Target{Address: netip.MustParseAddrPort("192.0.2.1:0")}, false, false); !errors.Is(err, bmc.ErrUnsupported) {
		t.Errorf("a driver without consoles: %v", err)
	}
}
