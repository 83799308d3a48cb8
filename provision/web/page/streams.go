package page

import (
	"net/http"
	"net/netip"
	"sync"

	"rackhand/provision/connlimit"
)

// streams counts the browsers with open streams. One unknown address may have a quarter of
// them, and a quarter is reserved for known addresses.
type streams struct {
	most  int
	known func(netip.Addr) bool

	mu   sync.Mutex
	of   map[netip.Addr]int
	open int
}

func newStreams(most int, known func(netip.Addr) bool) *streams {
	if known == nil {
		known = func(netip.Addr) bool { return false }
	}
	return &streams{most: most, known: known, of: map[netip.Addr]int{}}
}

func (s *streams) enter(from netip.Addr) bool {
	known, from := s.known(from), connlimit.Source(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !mayFollow(known, s.of[from], s.open, s.most) {
		return false
	}
	s.of[from]++
	s.open++
	return true
}

// mayFollow decides whether an address that has own open streams may have one more.
func mayFollow(known bool, own, open, most int) bool {
	quarter := most / 4
	if known {
		return open < most
	}
	return open < most-quarter && own < max(1, quarter)
}

func (s *streams) leave(from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from = connlimit.Source(from)
	s.open--
	if s.of[from]--; s.of[from] <= 0 {
		delete(s.of, from)
	}
}

// addressOf is the client's address; the zero address over a unix socket.
func addressOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
