package appliance

import (
	"context"
	"net"
	"net/netip"
	"os"

	"rackhand/provision/muninnode"
)

// munin opens where a Munin master asks, and returns what answers there.
func (a *Appliance) munin() (func(context.Context) error, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", a.cfg.Munin.Listen)
	if err != nil {
		return nil, err
	}
	allow := a.cfg.Munin.Allow
	if len(allow) == 0 {
		allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	s := muninnode.New(muninnode.Options{Name: name, Allow: allow, Gather: a.metrics.Gather, Version: a.Version, Clock: a.Clock, Log: a.Log})
	return func(ctx context.Context) error { return s.Serve(ctx, l) }, nil
}
