package mirror

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// An upstream may redirect the cache within its own host, to the hosts that the operator
// names, and to public hosts on the standard ports of HTTP, as the redirectors of
// distributions do. It may redirect nowhere else. Otherwise an attacker who controls an
// upstream could reach what only this machine may reach: its own ports, its links, the
// BMCs.

// checkTarget decides about one redirect by its URL. public says that the address must be
// checked as well, once it is known.
func checkTarget(req *http.Request, from string, allowed []string) (public bool, err error) {
	u := req.URL
	if u.Scheme != "http" && u.Scheme != "https" {
		return false, fmt.Errorf("it redirects to a URL of scheme %q", u.Scheme)
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	usual := port == "" || port == map[string]string{"http": "80", "https": "443"}[u.Scheme]
	switch {
	case strings.EqualFold(u.Host, from):
		return false, nil
	case slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, u.Host) || usual && strings.EqualFold(a, host) }):
		return false, nil
	case !usual:
		return false, fmt.Errorf("it redirects to %s, another port: mirror.redirects can allow it", u.Host)
	}
	if name, _, _ := strings.Cut(from, ":"); strings.EqualFold(name, host) { // from http to https
		return false, nil
	}
	if addr, err := netip.ParseAddr(host); err == nil && !isPublic(addr) || err != nil && !strings.Contains(strings.TrimSuffix(host, "."), ".") {
		return false, fmt.Errorf("it redirects to %s, which is not a public host: mirror.redirects can allow it", u.Host)
	}
	return true, nil
}

// reservedNetworks are networks that are not on the internet, beside those that netip
// knows (RFC 6890). Prefixes that a translator or a tunnel leads elsewhere are among them.
func reservedNetworks() []netip.Prefix {
	var list []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(reservedNetworks(), func(p netip.Prefix) bool { return p.Contains(a) })
}

// onlyPublic lets a dialer connect only to public addresses outside this machine's own
// links. It checks the address itself, not the name that resolved to it.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(at.Addr()) {
		return fmt.Errorf("it redirects to %s, which is not a public address", address)
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	for _, a := range own {
		if n, ok := a.(*net.IPNet); ok && n.Contains(at.Addr().Unmap().AsSlice()) {
			return fmt.Errorf("it redirects to %s, which is on a link of this machine", address)
		}
	}
	return nil
}

// redirects is a transport that sends requests that follow a redirect another way.
type redirects struct {
	usual   http.RoundTripper
	public  http.RoundTripper // for hosts that the settings don't name
	allowed []string
}

// RoundTrip implements http.RoundTripper. A request that follows a redirect carries the
// answer that led to it, and so on back to the first.
func (r redirects) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Response == nil {
		return r.usual.RoundTrip(req)
	}
	first := req
	for first.Response != nil {
		first = first.Response.Request
	}
	public, err := checkTarget(req, first.URL.Host, r.allowed)
	if err != nil {
		return nil, err
	}
	if public {
		return r.public.RoundTrip(req)
	}
	return r.usual.RoundTrip(req)
}

// checkRedirect follows a few redirects. Hosts never see them; redirects decides where
// they may lead.
func checkRedirect(_ *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("it redirects for ever")
	}
	return nil
}

// publicDialer connects to public addresses only.
func publicDialer() func(context.Context, string, string) (net.Conn, error) {
	return (&net.Dialer{Timeout: 10 * time.Second, Control: onlyPublic}).DialContext
}
