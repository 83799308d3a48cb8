package power

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"rackhand/provision/bmc"
	"rackhand/provision/trace"
)

// opened is a driver that notes what is asked of it. Its sessions can do nothing.
type opened struct {
	asked  []bmc.Privilege
	closed int
}

type idle struct {
	bmc.Session
	of *opened
}

func (o *opened) Open(_ context.Context, t bmc.Target, _ *bmc.Memory) (bmc.Session, error) {
	o.asked = append(o.asked, t.Privilege)
	return idle{of: o}, nil
}

func (s idle) Close(context.Context) { s.of.closed++ }

// TestWith: the privilege of the login, the name of an error, the trace, and a session that
// is closed after each of them.
func TestWith(t *testing.T) {
	var driver opened
	var traced []trace.BMC
	c := New(Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: &driver}, Trace: func(f trace.Fact) { traced = append(traced, f.(trace.BMC)) }})
	target := bmc.Target{Address: netip.MustParseAddrPort("192.0.2.1:623"), Protocol: bmc.IPMI}
	target.Box[5] = 1
	for _, tt := range []struct {
		name            string
		inventory, need bmc.Privilege
		asks            bmc.Privilege
		err             error // of the function
		is              error
		says            string
	}{
		{"nothing given", "", "", bmc.Operator, nil, nil, ""},
		{"a read", "", bmc.User, bmc.Operator, nil, nil, ""},
		{"an account", "", bmc.Administrator, bmc.Administrator, nil, nil, ""},
		{"the inventory asks for more", bmc.Administrator, bmc.Operator, bmc.Administrator, nil, nil, ""},
		{"refused", "", bmc.Operator, bmc.Operator, &bmc.Error{Kind: bmc.ErrPrivilege}, bmc.ErrPrivilege, "read a thing by BMC 192.0.2.1:623"},
		{"unsupported", "", bmc.Operator, bmc.Operator, fmt.Errorf("no lamp: %w", bmc.ErrUnsupported), bmc.ErrUnsupported, "read a thing by BMC 192.0.2.1:623: no lamp"},
	} {
		target.Privilege = tt.inventory
		before := len(driver.asked)
		err := c.With(t.Context(), "read a thing", target, tt.need, func(context.Context, bmc.Session) error { return tt.err })
		if !errors.Is(err, tt.is) || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if len(driver.asked) != before+1 || driver.asked[before] != tt.asks || driver.closed != before+1 {
			t.Errorf("%s: asked for %v, closed %d", tt.name, driver.asked[before:], driver.closed)
		}
		if last := traced[len(traced)-1]; last.Command != "read a thing" || !errors.Is(last.Err, tt.is) {
			t.Errorf("%s: traced %+v", tt.name, last)
		}
	}
}
