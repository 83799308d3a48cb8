// Package gate prevents DHCP servers from assigning addresses on a link where another
// server does.
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

// How often a link is checked for other servers: soon while it is not served, rarely while
// it is. checkEvery is how often the gate looks for links that are due, so a new carrier or
// a change of the inventory is noticed within that time.
const (
	checkEvery        = 500 * time.Millisecond
	lookUnservedEvery = time.Minute
	lookServedEvery   = 10 * time.Minute
)

// Options are what a gate is made with.
type Options struct {
	Links []links.Link
	// Own are the appliance's addresses: an answer from one of them isn't another server's.
	Own      []netip.Addr
	Snapshot func() *inventory.Snapshot // the inventory in force, never nil
	Record   provision.Recorder
	Clock    func() time.Time
	Random   io.Reader
	Log      *slog.Logger
}

// A Gate prevents DHCP servers from assigning addresses on a link before it was checked,
// and while another server does. A link that was clear once stays open: a server that
// appears later is reported, but boxes under way are not dropped.
type Gate struct {
	Options
	ask     func(ctx context.Context, link string) ([]doctor.Answerer, error)
	carrier func(link string) bool
	exists  func(link string) bool

	mu    sync.Mutex
	looks map[string]*looked // by the link's name
}

// looked is the state of one link.
type looked struct {
	links.Link
	busy     bool // a check is in progress
	at       time.Time
	settings string // those at the last check: see settings
	revision string // of the inventory then
	answers  []doctor.Answerer
	err      error // why the last check failed
	done     bool  // a check has succeeded
	clear    bool  // a check found no other server
	findings []doctor.Finding
	recorded string // the last recorded result
}

// New makes a gate that has checked no link yet.
func New(o Options) *Gate {
	g := &Gate{Options: o, carrier: links.HasCarrier, exists: links.Exists, looks: make(map[string]*looked)}
	for _, l := range o.Links {
		g.looks[l.Name] = &looked{Link: l}
	}
	return g
}

// Run checks the links until ctx ends. The first checks begin at once, all links in
// parallel. Nothing else waits for them.
func (g *Gate) Run(ctx context.Context) error {
	if g.ask == nil {
		mac, err := doctor.MAC(g.Random) // one for all checks: see doctor.AskOptions
		if err != nil {
			return err
		}
		g.ask = func(ctx context.Context, link string) ([]doctor.Answerer, error) {
			return doctor.Ask(ctx, doctor.AskOptions{Link: link, MAC: mac, Random: g.Random})
		}
	}
	var looks sync.WaitGroup
	defer looks.Wait()
	tick := time.NewTicker(checkEvery)
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

// due marks the links that are due as busy and returns them.
func (g *Gate) due() []links.Link {
	now := g.Clock()
	var out []links.Link
	for _, l := range g.looks {
		n := g.network(l.Link)
		revision, carrier := g.Snapshot().Revision, g.carrier(l.Name)
		g.mu.Lock()
		// Where we don't assign addresses, other servers may. The link is checked again
		// when the mode changes.
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

// due reports whether a link is due for a check.
func (l *looked) due(n *inventory.Network, revision string, carrier bool, now time.Time) bool {
	age := now.Sub(l.at)
	switch {
	case l.busy, n == nil, n.Mode() == inventory.DHCPOff:
		return false // the result would change nothing
	case !carrier:
		return false // no machine would answer; with a carrier the link is due at once
	case l.at.IsZero(), age < 0, errors.Is(l.err, doctor.ErrNoLink), l.settings != settings(n):
		return true
	case !l.clear && l.revision != revision:
		return true // the operator may have stopped the other server meanwhile
	case l.clear || n.AllowOtherDHCP || n.Mode() == inventory.DHCPProxy && len(doctor.Foreign(l.answers)) > 0:
		return age >= lookServedEvery
	}
	return age >= lookUnservedEvery
}

// settings are the network's settings that matter for a check. When they change, the link
// is checked again at once.
func settings(n *inventory.Network) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(n.Name, n.Subnet, n.Mode(), n.AllowOtherDHCP)
}

// network is the inventory's network that a link is on; nil when it is on none.
func (g *Gate) network(l links.Link) *inventory.Network {
	return g.Snapshot().NetworkOf(l.Addr)
}

// saw stores the result of a check, and reports it when it is new.
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

// judge lists the present problems of a link.
func judge(l *looked, n *inventory.Network) []doctor.Finding {
	var out []doctor.Finding
	switch {
	case n == nil:
		return nil
	case errors.Is(l.err, doctor.ErrNoLink):
		return nil // Problems reports it while it lasts
	case l.err != nil:
		f := doctor.Finding{
			Level: doctor.Problem, Unseen: true,
			Text: fmt.Sprintf("the search for other DHCP servers failed (%v); so rackhand assigns no addresses on network %s", l.err, n.Name),
			Hint: "run rackhand as root or with CAP_NET_RAW; or, if you know that no other server is there, write `allow_other_dhcp: true`",
		}
		if l.clear || n.AllowOtherDHCP || n.Mode() != inventory.DHCPAuthoritative {
			f.Level, f.Hint = doctor.Warning, "run rackhand as root or with CAP_NET_RAW"
			f.Text = fmt.Sprintf("the search for other DHCP servers failed: %v", l.err)
		}
		return []doctor.Finding{f}
	}
	for _, f := range doctor.Judge(n, l.answers) {
		if f.Level != doctor.Problem && f.Level != doctor.Warning {
			continue
		}
		if f.Level == doctor.Problem && l.clear {
			// It appeared later.
			f.Text = "another DHCP server turned up beside rackhand: " + doctor.List(doctor.Foreign(l.answers)) +
				"; rackhand goes on, so that boxes under way are not dropped"
		}
		out = append(out, f)
	}
	return out
}

// news makes an event of a check's result, if it differs from the last recorded one. A
// first check without problems is only logged.
func (l *looked) news(n *inventory.Network) (provision.Event, bool) {
	// The key names servers and their roles. Their offers may change at each check.
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
	if key == l.recorded {
		return provision.Event{}, false
	}
	l.recorded = key
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
		e.Kind, e.Message = "dhcp-clear", l.Name+": the problem is gone: "+l.serves(n)
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

// MayServe reports whether the DHCP server of a link may assign addresses on a network now.
// The error says why not (dhcp.Options.MayServe). Our DISCOVER doesn't reach a network
// behind a relay. Its relay was configured to ask us, so we may.
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
		// An unknown state is too risky: two servers on a link break other people's
		// machines, and the operator can declare in one line that there is no other server.
		return fmt.Errorf("the search for other DHCP servers on %s failed: %w", name, l.err)
	case !l.done:
		return fmt.Errorf("%s has not been looked at yet: another DHCP server may answer there", name)
	}
	return fmt.Errorf("another DHCP server answers on %s: %s", name, doctor.List(doctor.Foreign(l.answers)))
}

// Problems are the problems of the links for the operator, as text blocks.
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
				Level: doctor.Problem, Text: "the interface is gone: no box is served there",
				Hint: "it is served again within two seconds after it comes back with the address " + l.Addr.String(),
			}}
		case !carrier && !done:
			findings = []doctor.Finding{{
				Level: doctor.Problem, Text: "no carrier: no box is connected",
				Hint: "check the cable and the switch",
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
