// Package gate keeps the DHCP servers from giving addresses on a link where another one
// gives them.
package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/doctor"
	"rackhand/provision/links"
)

// How often a link is looked at: soon while it is not served, rarely while it is.
// And how often it is seen whether it is a link's turn: a cable that is plugged in, or a
// change of the inventory, waits for that long.
const (
	lookAbout = 500 * time.Millisecond
	lookSoon  = time.Minute
	lookIdly  = 10 * time.Minute
)

// Options are what a gate is made with.
type Options struct {
	Links []links.Link
	// Own are the appliance's addresses: what answers at one of them is no other server.
	Own      []netip.Addr
	Snapshot func() *inventory.Snapshot // of the inventory in force, never nil
	Record   provision.Recorder
	Clock    func() time.Time
	Random   io.Reader
	Log      *slog.Logger
}

// A Gate keeps the DHCP servers from giving addresses on a link before it was looked
// at, and while another server gives them there. A link that was clear once stays
// open: a server that turns up later is told of, but boxes under way are not dropped.
type Gate struct {
	Options
	ask     func(ctx context.Context, link string) ([]doctor.Answerer, error)
	carrier func(link string) bool
	exists  func(link string) bool

	mu    sync.Mutex
	looks map[string]*looked // by the link's name
}

// looked is what is known of one link.
type looked struct {
	links.Link
	busy     bool // a look is under way
	at       time.Time
	settings string // that counted at the last look: see settings
	revision string // of the inventory then
	answers  []doctor.Answerer
	err      error // the last look could not be done
	done     bool  // a look was done
	clear    bool  // nobody else gave addresses at one look
	findings []doctor.Finding
	told     string // what was recorded last
}

// New makes a gate that has looked at no link yet.
func New(o Options) *Gate {
	g := &Gate{Options: o, carrier: links.HasCarrier, exists: links.Exists, looks: make(map[string]*looked)}
	for _, l := range o.Links {
		g.looks[l.Name] = &looked{Link: l}
	}
	return g
}

// Run looks at the links until ctx ends. The first looks begin at once, all links
// together; nothing else waits for them.
func (g *Gate) Run(ctx context.Context) error {
	if g.ask == nil {
		mac, err := doctor.MAC(g.Random) // one for all looks: see doctor.AskOptions
		if err != nil {
			return err
		}
		g.ask = func(ctx context.Context, link string) ([]doctor.Answerer, error) {
			return doctor.Ask(ctx, doctor.AskOptions{Link: link, MAC: mac, Random: g.Random})
		}
	}
	var looks sync.WaitGroup
	defer looks.Wait()
	tick := time.NewTicker(lookAbout)
	defer tick.Stop()
	for {
		for _, l := range g.due() {
			looks.Go(func() {
				answers, err := g.ask(ctx, l.Name)
				if ctx.Err() == nil {
					g.saw(l.Name, answers, err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// due marks the links whose turn it is as busy and returns them.
func (g *Gate) due() []links.Link {
	now := g.Clock()
	var out []links.Link
	for _, l := range g.looks {
		n := g.network(l.Link)
		revision, carrier := g.Snapshot().Revision, g.carrier(l.Name)
		g.mu.Lock()
		// Where we don't give addresses, others may well: that is looked at anew when
		// the mode changes.
		if n != nil && n.Mode() != inventory.DHCPAuthoritative {
			l.clear = false
		}
		if l.due(n, revision, carrier, now) {
			l.busy, l.at, l.settings, l.revision = true, now, settings(n), revision
			out = append(out, l.Link)
		}
		g.mu.Unlock()
	}
	return out
}

// due says whether it is a link's turn to be looked at.
func (l *looked) due(n *inventory.Network, revision string, carrier bool, now time.Time) bool {
	age := now.Sub(l.at)
	switch {
	case l.busy, n == nil, n.Mode() == inventory.DHCPOff:
		return false // nothing would come of it
	case !carrier:
		return false // nobody would hear it; at once when somebody is there
	case l.at.IsZero(), age < 0, errors.Is(l.err, doctor.ErrNoLink), l.settings != settings(n):
		return true
	case !l.clear && l.revision != revision:
		return true // somebody is at it: perhaps the other server has been seen to too
	case l.clear || n.AllowOtherDHCP || n.Mode() == inventory.DHCPProxy && len(doctor.Foreign(l.answers)) > 0:
		return age >= lookIdly
	}
	return age >= lookSoon
}

// settings are what of a network a look is judged by: when they change, it is looked
// at anew at once.
func settings(n *inventory.Network) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(n.Name, n.Subnet, n.Mode(), n.AllowOtherDHCP)
}

// network is the inventory's network that a link is on; nil when none is.
func (g *Gate) network(l links.Link) *inventory.Network {
	return g.Snapshot().NetworkOf(l.Addr)
}

// saw takes in what a look found, and tells what is new of it.
func (g *Gate) saw(name string, answers []doctor.Answerer, err error) {
	l := g.looks[name]
	n := g.network(l.Link)
	g.mu.Lock()
	l.busy, l.err = false, err
	if err == nil {
		doctor.Own(answers, g.Own...)
		l.answers, l.done = answers, true
		l.clear = l.clear || len(doctor.Foreign(answers)) == 0
	}
	l.findings = judge(l, n)
	e, news := l.news(n)
	g.mu.Unlock()
	if !news {
		return
	}
	if err := g.Record.Record(e); err != nil {
		g.Log.Error("recording what answers on a link", "link", name, "error", err)
	}
	log := g.Log.Info
	switch e.Level {
	case provision.LevelError:
		log = g.Log.Error
	case provision.LevelWarn:
		log = g.Log.Warn
	}
	log("looked at the link "+name, "found", e.Message)
}

// judge says what is wrong with a link now; good news is left out.
func judge(l *looked, n *inventory.Network) []doctor.Finding {
	var out []doctor.Finding
	switch {
	case n == nil:
		return nil
	case errors.Is(l.err, doctor.ErrNoLink):
		return nil // told by Problems while it is so
	case l.err != nil:
		f := doctor.Finding{
			Level: doctor.Problem, Unseen: true,
			Text: fmt.Sprintf("whether another DHCP server answers could not be looked at (%v); so rackhand gives no addresses on network %s", l.err, n.Name),
			Hint: "run rackhand as root or with CAP_NET_RAW; or, if you know that no other server is there, write `allow_other_dhcp: true`",
		}
		if l.clear || n.AllowOtherDHCP || n.Mode() != inventory.DHCPAuthoritative {
			f.Level, f.Hint = doctor.Warning, "run rackhand as root or with CAP_NET_RAW"
			f.Text = fmt.Sprintf("who else answers DHCP could not be looked at: %v", l.err)
		}
		return []doctor.Finding{f}
	}
	for _, f := range doctor.Judge(n, l.answers) {
		if f.Level != doctor.Problem && f.Level != doctor.Warning {
			continue
		}
		if f.Level == doctor.Problem && l.clear {
			// It turned up later.
			f.Text = "another DHCP server turned up beside rackhand: " + doctor.List(doctor.Foreign(l.answers)) +
				"; rackhand goes on, so that boxes under way are not dropped"
		}
		out = append(out, f)
	}
	return out
}

// news makes an event of what a link's look found, if it differs from what was told
// last. A first look that finds nothing wrong is told in the log alone.
func (l *looked) news(n *inventory.Network) (provision.Event, bool) {
	// The same servers in the same roles: what they offer may change at each look.
	key := ""
	if l.err != nil {
		key = l.err.Error()
	} else {
		for _, a := range l.answers {
			key += fmt.Sprint(a.Server, a.MAC, a.Kind, " ")
		}
	}
	for _, f := range l.findings {
		key += string(f.Level)
	}
	if n == nil || len(l.findings) == 0 {
		key = ""
	}
	if key == l.told {
		return provision.Event{}, false
	}
	l.told = key
	e := provision.Event{Source: "dhcp", Kind: "other-dhcp", Fields: map[string]string{"link": l.Name}}
	if n != nil {
		e.Fields["network"] = n.Name
	}
	switch doctor.Worst(l.findings) {
	case doctor.Problem:
		e.Level = provision.LevelError
	case doctor.Warning:
		e.Level = provision.LevelWarn
	default:
		e.Kind, e.Message = "dhcp-clear", l.Name+": nothing is in the way any more: "+l.serves(n)
		return e, true
	}
	var texts []string
	for _, f := range l.findings {
		texts = append(texts, f.Text+" ("+f.Hint+")")
	}
	e.Message = l.Name + ": " + strings.Join(texts, "; ")
	return e, true
}

func (l *looked) serves(n *inventory.Network) string {
	switch {
	case n == nil:
		return "it is on no network of the inventory"
	case n.Mode() == inventory.DHCPProxy:
		return "rackhand adds boot options on network " + n.Name
	case n.Mode() == inventory.DHCPOff:
		return "rackhand is off on network " + n.Name
	}
	return "rackhand gives addresses on network " + n.Name
}

// MayServe says whether the DHCP server of a link may give addresses on a network
// now, and else why not (dhcp.Options.MayServe). A network behind a relay is none
// that a DISCOVER of ours would reach: the relay was told to ask us, so it may.
func (g *Gate) MayServe(name string, n *inventory.Network) error {
	l := g.looks[name]
	if n.AllowOtherDHCP || !n.Subnet.Contains(l.Addr) {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case l.clear:
		return nil
	case l.err != nil:
		// Not knowing is no reason to risk it: two servers that fight break machines
		// that aren't ours, and the operator can say in one line that there is none.
		return fmt.Errorf("whether another DHCP server answers on %s could not be looked at: %w", name, l.err)
	case !l.done:
		return fmt.Errorf("%s has not been looked at yet: another DHCP server may answer there", name)
	}
	return fmt.Errorf("another DHCP server answers on %s: %s", name, doctor.List(doctor.Foreign(l.answers)))
}

// Problems are what an operator must see of the links, as text blocks.
func (g *Gate) Problems() []string {
	var out []string
	for _, l := range g.Links {
		s := g.looks[l.Name]
		n := g.network(l)
		carrier := g.carrier(l.Name)
		g.mu.Lock()
		findings := slices.Clone(s.findings)
		done := s.done
		g.mu.Unlock()
		switch {
		case n == nil && len(g.Snapshot().Networks) > 0:
			findings = []doctor.Finding{{
				Level: doctor.Problem, Text: fmt.Sprintf("our address %s lies in no network of the inventory: no box is answered there", l.Addr),
				Hint: "correct the networks, or `interfaces:` and `address:` in rackhand.yaml; `rackhand doctor` says more",
			}}
		case n == nil || n.Mode() == inventory.DHCPOff:
			findings = nil
		case !g.exists(l.Name):
			findings = []doctor.Finding{{
				Level: doctor.Problem, Text: "the interface is gone: nobody is served there",
				Hint: "it is served again within a second or two of its coming back, with the address " + l.Addr.String(),
			}}
		case !carrier && !done:
			findings = []doctor.Finding{{
				Level: doctor.Problem, Text: "no carrier: nobody is there to serve",
				Hint: "look at the cable and at the switch",
			}}
		}
		for _, f := range findings {
			text := l.Name + ": " + f.Text
			if f.Hint != "" {
				text += "\n    hint: " + f.Hint
			}
			out = append(out, text+"\n")
		}
	}
	return out
}
