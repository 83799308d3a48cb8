package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/neighbour"
)

// errStranger is the answer to another machine on a host's address.
var errStranger = errors.New("this address is not on a card of that host")

// proved checks that a request from an address comes from the host, as far as the link
// shows it: see onLink. Behind a router the link shows nothing, and an event says so.
func (s *Server) proved(ctx context.Context, h *inventory.Host, from netip.Addr, what string) error {
	away, err := s.onLink(ctx, h, from, "asked for "+what)
	if away {
		s.say(provision.Event{
			Host: h.Name, Source: "http", Kind: "unproved",
			Message: fmt.Sprintf("%s goes to %s unproved: that box is not on a link of the appliance, so its lease and its DHCP REQUEST are the only proof", what, from),
			Fields:  map[string]string{"address": from.String()},
		}, h.Name+" "+what)
	}
	return err
}

// onLink checks on the link which machine has an address. The error is errStranger when it
// is not the host, and notReady when no machine, host or other, has confirmed the address.
// did describes the request, for the event. away: the address is not on a link of ours.
func (s *Server) onLink(ctx context.Context, h *inventory.Host, from netip.Addr, did string) (away bool, err error) {
	found, verdict, err := s.judge(ctx, h, from)
	if err != nil {
		s.Log.Error("asking the kernel for a neighbour", "host", h.Name, "address", from.String(), "error", err)
		return false, notReady{errors.New("the kernel can't say at this moment which machine has this address")}
	}
	switch verdict {
	case neighbour.Proved:
		return false, nil
	case neighbour.Silent:
		return false, notReady{errors.New("no machine has confirmed this address by ARP")}
	case neighbour.Unproved:
		return true, nil
	}
	s.stranger(h, from, found, did)
	if !found.Confirmed {
		// One forged ARP reply is enough for that, and errStranger would end the box's attempt.
		// The kernel finds out within seconds which machine answers.
		return false, notReady{errors.New("another machine was heard to have this address, and doesn't answer for it")}
	}
	return false, errStranger
}

// stranger records that another machine uses a host's address, and what it did there.
func (s *Server) stranger(h *inventory.Host, from netip.Addr, found neighbour.Found, did string) {
	macs := strings.Join(h.MACTexts(), ", ")
	s.say(provision.Event{
		Host: h.Name, Source: "http", Kind: "another-mac", Level: provision.LevelError,
		Message: fmt.Sprintf("%s %s from the MAC %s, and %s has %s: another machine uses its address, and got nothing. Find it by that MAC at the switch and disconnect it; if it is a card of %s, add it to `mac` in the inventory",
			from, did, found.MAC, h.Name, macs, h.Name),
		Fields: map[string]string{"address": from.String(), "mac": found.MAC.String(), "expected": macs, "interface": found.Link},
	}, h.Name+" "+found.MAC.String())
}

// judge asks the kernel which machine has an address. The host's MACs are those of the
// inventory, and until its install ends also those that its installer has reported: a bond
// may have the MAC of any of its cards.
func (s *Server) judge(ctx context.Context, h *inventory.Host, from netip.Addr) (neighbour.Found, neighbour.Verdict, error) {
	if s.Neighbour == nil {
		return neighbour.Found{}, neighbour.Proved, nil
	}
	found, err := s.Neighbour(ctx, from)
	if err != nil {
		return found, neighbour.Silent, err
	}
	macs := slices.Clone(h.MACs)
	if in, _ := s.Journal.Install(h.Name); !in.Stage.Ended() {
		for _, text := range in.Cards {
			if mac, err := inventory.ParseMAC(text); err == nil {
				macs = append(macs, mac)
			}
		}
	}
	return found, neighbour.Judge(found, macs), nil
}

// believed reports whether a request from an address may advance an install of the host.
func (s *Server) believed(ctx context.Context, h *inventory.Host, from netip.Addr) bool {
	if h == nil {
		return false
	}
	_, verdict, err := s.judge(ctx, h, from)
	return err == nil && (verdict == neighbour.Proved || verdict == neighbour.Unproved)
}

// MayLog reports whether a log connection from an address may come from the host there.
func (s *Server) MayLog(ctx context.Context, from netip.Addr) bool {
	h := s.hostOf(ctx, from)
	if h == nil {
		return false
	}
	found, verdict, err := s.judge(ctx, h, from)
	if err == nil && verdict == neighbour.Another {
		s.stranger(h, from, found, "logged as an installer")
		return false
	}
	return true
}

// refusal is the HTTP answer to a request that was not proved to come from a host.
func refusal(err error) error {
	if errors.Is(err, errStranger) {
		return echo.NewHTTPError(http.StatusForbidden, err.Error())
	}
	return unavailable(err)
}

// heard is the part of the proof that DHCP gives: whether the box of an install asked for an
// address in its present boot. Its error is an unheard.
func (s *Server) heard(ctx context.Context, mac inventory.MAC, in provision.Install) error {
	if s.Lease == nil {
		return nil
	}
	now := s.Journal.Counted()
	lease, _ := s.Lease(ctx, mac)
	refused, warn := in.MayHaveScript(lease.Booted, now, now.Sub(s.Began) <= waitEnds || s.waits.active(mac, now))
	if refused != "" {
		s.warn(in.Host, "boot-unheard", fmt.Sprintf("a request for the boot script of %s was refused: %s. A box that boots asks for its address first: if it hangs there, restart it", in.Host, refused))
		return unheard{errors.New("the network boot of this box was not heard")}
	}
	if warn != "" {
		s.warn(in.Host, "boots-again", warn)
	}
	return nil
}

// An unheard is the error for a box that gets no script, because its network boot was not
// heard.
type unheard struct{ error }

// waitEnds is the time without a request after which a box no longer waits. GRUB's menu asks
// every 15 s, iPXE every 3 s.
const waitEnds = time.Minute

// waits has the time of the last answer to ask again for the script, by MAC. Only hosts with
// an install get such an answer.
type waits struct {
	mu   sync.Mutex
	last map[inventory.MAC]time.Time
}

func (w *waits) active(mac inventory.MAC, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.last[mac]
	return ok && now.Sub(at) <= waitEnds
}

func (w *waits) add(mac inventory.MAC, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.last = make(map[inventory.MAC]time.Time)
	}
	for m, at := range w.last {
		if now.Sub(at) > waitEnds || len(w.last) >= maxScripts {
			delete(w.last, m)
		}
	}
	w.last[mac] = now
}

func (w *waits) end(mac inventory.MAC) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, mac)
}

// ofBox reports whether the box that asks for the script of an install or job is that box,
// and is booting.
func (s *Server) ofBox(ctx context.Context, h *inventory.Host, mac inventory.MAC, from netip.Addr, about provision.Install) error {
	if err := s.heard(ctx, mac, about); err != nil {
		return err
	}
	if err := s.proved(ctx, h, from, "the boot script"); err != nil {
		return err
	}
	s.waits.add(mac, s.Journal.Counted())
	return nil
}
