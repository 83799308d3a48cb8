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
	"rackhand/provision/handout"
)

// scriptFor is how long the same script is served again to a box: GRUB opens its menu more
// than once, and TFTP repeats a request whose answer was lost. A box that rebooted takes
// longer to come back. The reports of an installer end it too.
const scriptFor = time.Minute

// maxScripts bounds how many scripts are kept. Only hosts with an install under way
// have one.
const maxScripts = 4096

// A scriptCache keeps the scripts of the last minute, and the tokens that were offered.
// Scripts hold tokens, so both are kept in memory only.
type scriptCache struct {
	mu      sync.Mutex
	scripts map[scriptKey]cachedScript
	offers  map[string]offer // by host
	flight  singleflight.Group
}

// An offer is a token in a script that went out by TFTP. The same one is offered until it
// is used, so a thousand requests with a host's address make one token.
type offer struct {
	token string
	since time.Time
}

// stuckAfter is the time after its script at which a box that fetches it again by TFTP is
// reported to be stuck.
const stuckAfter = 10 * time.Minute

type scriptKey struct {
	mac    inventory.MAC
	loader handout.Loader
}

type cachedScript struct {
	text  string
	in    provision.Install // as it was
	until time.Time
}

// token makes the token of a script. A request by HTTP comes over TCP from the box's
// address, so the attempt begins. A request by TFTP is one datagram, and its address can be
// forged. So it takes nothing from an installer that is at work, and the attempt begins when
// the token is used (see Server.holder).
func (s *Server) token(host string, l handout.Loader) (provision.Install, string, error) {
	if !l.TFTP {
		in, token, err := s.Journal.BeginAttempt(host, s.Random)
		if err == nil {
			s.retries.end(host)
		}
		return in, token, err
	}
	kept := s.scripts.offer(host)
	if in, ok := s.Journal.Current(host); ok && in.Offered(provision.HashToken(kept.token)) {
		if s.Clock().Sub(kept.since) > stuckAfter && s.stuck.Allow(host, s.Clock()) {
			s.warn(host, "never-came", "its boot script was fetched again by TFTP, and nothing has come over TCP since the previous script: its kernel doesn't start, or has no driver for the card; look at its console. If its installer reports meanwhile, another machine asks in its name")
		}
		return in, kept.token, nil
	}
	in, token, err := s.Journal.Offer(host, s.Random)
	if err == nil {
		s.scripts.keep(host, offer{token, s.Clock()})
	}
	return in, token, err
}

func (c *scriptCache) offer(host string) offer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offers[host]
}

func (c *scriptCache) keep(host string, o offer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offers == nil || len(c.offers) >= maxScripts {
		c.offers = make(map[string]offer)
	}
	c.offers[host] = o
}

// scriptAgain is bootScript for a loader that asks more than once. Within a minute it gets
// the same script, with the same token, which costs one attempt at most. A change of the
// attempt or its token ends that.
func (s *Server) scriptAgain(ctx context.Context, mac inventory.MAC, from netip.Addr, l handout.Loader) (string, error) {
	to := scriptKey{mac, l}
	if text, ok := s.scripts.get(s, to); ok {
		if h := s.Snapshot().HostByMAC(mac); h != nil {
			if err := s.proved(ctx, h, from, "the boot script"); err != nil {
				return "", err
			}
		}
		return text, nil
	}
	// Two requests at once are one: the second token would make the first worthless.
	text, err, _ := s.scripts.flight.Do(fmt.Sprint(to), func() (any, error) {
		if text, ok := s.scripts.get(s, to); ok {
			return text, nil
		}
		// Not the context of the first request: others wait for the result too.
		text, in, err := s.bootScript(context.WithoutCancel(ctx), mac, from, l)
		if err == nil && in.ID != "" {
			s.scripts.put(to, cachedScript{text, in, s.Clock().Add(scriptFor)}, s.Clock())
		}
		return text, err
	})
	if err != nil {
		return "", err
	}
	return text.(string), nil
}

// get finds a script that may be served again: its install is the same and armed, and its
// token is neither used nor replaced.
func (c *scriptCache) get(s *Server, to scriptKey) (string, bool) {
	c.mu.Lock()
	out, ok := c.scripts[to]
	c.mu.Unlock()
	if !ok || !s.Clock().Before(out.until) {
		return "", false
	}
	in, ok := s.Journal.Current(out.in.Host)
	same := ok && in.ID == out.in.ID && in.Token == out.in.Token && slices.Equal(in.Blank, out.in.Blank)
	if !same || !in.Armed || in.Stage.Ended() {
		return "", false
	}
	if to.loader.TFTP { // its token waits beside that of the attempt under way
		return out.text, slices.Equal(in.Offers, out.in.Offers)
	}
	return out.text, !in.TokenSpent && in.Stage.Rank() <= provision.Kernel.Rank()
}

func (c *scriptCache) put(to scriptKey, out cachedScript, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.scripts == nil {
		c.scripts = make(map[scriptKey]cachedScript)
	}
	for k, o := range c.scripts {
		if !now.Before(o.until) || len(c.scripts) >= maxScripts {
			delete(c.scripts, k)
		}
	}
	c.scripts[to] = out
}
