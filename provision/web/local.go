package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"rackhand/templates"
)

// WithLocal says to BootFile which of our addresses the client came to. HTTP requests
// say it by themselves.
func WithLocal(ctx context.Context, local netip.Addr) context.Context {
	return context.WithValue(ctx, http.LocalAddrContextKey, net.Addr(net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))))
}

// appliance is how a client reaches us that came as ctx says: what is rendered for it
// names the address that it came to, since it may have no way to another.
func (s *Server) appliance(ctx context.Context) templates.Appliance {
	addr, ok := ctx.Value(http.LocalAddrContextKey).(net.Addr)
	if s.At == nil || !ok {
		return s.Appliance
	}
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil { // a unix socket
		return s.Appliance
	}
	return s.At(ap.Addr().Unmap())
}
