package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"rackhand/templates"
)

// ForNames answers requests that name one of the server's own names in their Host header:
// the address that the client came to, a loopback address, localhost, or one of names,
// without a port. It refuses any other name, against DNS rebinding: a foreign page could
// change its own name's address to ours, and read our answers. setting is where the operator
// adds a name.
func ForNames(names []string, setting string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if !ourName(r.Host, local, names) {
			w.Header().Set("Connection", "close")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			http.Error(w, fmt.Sprintf("%.80q is not a name of this server. If it should be one, add it to %s; otherwise use the address.", r.Host, setting), http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// ourName reports whether a Host header names us. A request without one doesn't come from a
// browser, since HTTP/1.1 demands the header (RFC 9112 section 3.2).
func ourName(host string, local net.Addr, names []string) bool {
	if host == "" {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if addr, err := netip.ParseAddr(name); err == nil {
		if addr = addr.Unmap(); addr.IsLoopback() {
			return true
		}
		if at, err := netip.ParseAddrPort(fmt.Sprint(local)); err == nil && at.Addr().Unmap().WithZone("") == addr {
			return true
		}
	}
	if name == "localhost" {
		return true
	}
	for _, n := range names {
		if strings.EqualFold(strings.TrimSuffix(n, "."), name) {
			return true
		}
	}
	return false
}

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
