package web

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"rackhand/inventory"
	"rackhand/provision"
)

// handedFor is how long one script is handed out again to who has it already: GRUB
// opens its menu more than once, and TFTP repeats a request whose answer was lost.
// A box that rebooted takes longer to come back, or has begun to install, which ends
// it too.
const handedFor = time.Minute

// maxHanded bounds how many scripts are kept. Only hosts with an install under way
// have one.
const maxHanded = 4096

// handed keeps the scripts that were handed out in the last minute. They have a
// token in them, so they are in memory alone.
type handed struct {
	mu      sync.Mutex
	scripts map[handedTo]handedOut
	flight  singleflight.Group
}

type handedTo struct {
	mac    inventory.MAC
	loader loader
}

type handedOut struct {
	text  string
	in    provision.Install // as it was
	until time.Time
}

// scriptAgain is bootScript for a loader that asks more than once: within a minute
// it gets the same script, which costs one attempt and has one token, as long as
// these still stand.
func (s *Server) scriptAgain(ctx context.Context, mac inventory.MAC, from netip.Addr, l loader) (string, error) {
	to := handedTo{mac, l}
	if text, ok := s.handed.get(s, to); ok {
		if h := s.Snapshot().HostByMAC(mac); h != nil {
			if err := s.proved(ctx, h, from, "the boot script"); err != nil {
				return "", err
			}
		}
		return text, nil
	}
	// Two requests at once are one: the second token would make the first worthless.
	text, err, _ := s.handed.flight.Do(fmt.Sprint(to), func() (any, error) {
		if text, ok := s.handed.get(s, to); ok {
			return text, nil
		}
		// Not the context of whoever came first: others wait for it too.
		text, in, err := s.bootScript(context.WithoutCancel(ctx), mac, from, l)
		if err == nil && in.ID != "" {
			s.handed.put(to, handedOut{text, in, s.Clock().Add(handedFor)}, s.Clock())
		}
		return text, err
	})
	if err != nil {
		return "", err
	}
	return text.(string), nil
}

// get finds a script that may be handed out again: its install is the same, and
// armed, and nobody has used or replaced its token.
func (h *handed) get(s *Server, to handedTo) (string, bool) {
	h.mu.Lock()
	out, ok := h.scripts[to]
	h.mu.Unlock()
	if !ok || !s.Clock().Before(out.until) {
		return "", false
	}
	in, ok := s.Journal.Current(out.in.Host)
	same := ok && in.ID == out.in.ID && in.Token == out.in.Token && slices.Equal(in.Blank, out.in.Blank)
	if !same || !in.Armed || in.TokenSpent || in.Stage.Ended() || in.Stage.Rank() > provision.Kernel.Rank() {
		return "", false
	}
	return out.text, true
}

func (h *handed) put(to handedTo, out handedOut, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.scripts == nil {
		h.scripts = make(map[handedTo]handedOut)
	}
	for k, o := range h.scripts {
		if !now.Before(o.until) || len(h.scripts) >= maxHanded {
			delete(h.scripts, k)
		}
	}
	h.scripts[to] = out
}
