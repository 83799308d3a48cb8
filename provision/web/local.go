package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"

	"rackhand/templates"
)

// WithLocal tells BootFile which of our addresses the client used. HTTP requests already
// contain it.
func WithLocal(ctx context.Context, local netip.Addr) context.Context {
	return context.WithValue(ctx, http.LocalAddrContextKey, net.Addr(net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))))
}

// appliance returns our URLs for the client of a request. They name the address that the
// client used, since it may have no route to another.
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
