package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/audit/probe"
)

const (
	// atOnce is how many BMCs are asked at the same time.
	atOnce = 32
	// patience bounds all questions to one BMC. A BMC with hundreds of accounts and a slow
	// processor needs most of it.
	patience = 3 * time.Minute
	// ipmiPort is where BMCs listen (IPMI 2.0 §13.1.2).
	ipmiPort = 623
)

// A Host is a host whose BMC is audited.
type Host struct {
	Name   string
	Target bmc.Target
	// Err is why there is no Target, or only part of one: bmc.ErrNoBMC, bmc.ErrPassword.
	Err  error
	Busy bool // an install or job is under way
}

// A Stranger is an address outside the inventory that may be a BMC's.
type Stranger struct {
	Address netip.Addr
	Found   string // how it was found: "leased to 3c:ec:ef:10:20:31"
}

// A Gatherer asks BMCs, and changes nothing on them.
type Gatherer struct {
	// With runs f in a session at a BMC: power.Controller's With.
	With  func(ctx context.Context, op string, t bmc.Target, need bmc.Privilege, f func(context.Context, bmc.Session) error) error
	Probe probe.Prober
	Clock func() time.Time
	// Record takes an event before each login with a factory account.
	Record func(provision.Event) error
}

// Gather asks the BMCs of hosts and looks at strangers, 32 at a time and one session at a
// time at each. withFactory also tries factory accounts. The error is that of ctx.
func (g Gatherer) Gather(ctx context.Context, hosts []Host, strangers []Stranger, withFactory bool) ([]Facts, error) {
	all := make([]Facts, len(hosts)+len(strangers))
	var stop atomic.Bool // a BMC showed a sign of a lockout: no factory account is tried any more
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, h := range hosts {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			all[i] = g.host(ctx, h)
			if withFactory && h.Err == nil {
				g.tryFactory(ctx, h, &all[i], &stop)
			}
			return nil
		})
	}
	for i, s := range strangers {
		group.Go(func() error {
			all[len(hosts)+i] = g.stranger(ctx, s)
			return nil
		})
	}
	_ = group.Wait() // no question fails as a whole
	return all, ctx.Err()
}

// host asks the BMC of one host.
func (g Gatherer) host(ctx context.Context, h Host) Facts {
	f := Facts{Host: h.Name, User: h.Target.User, Wanted: h.Target.Privilege, Busy: h.Busy}
	if errors.Is(h.Err, bmc.ErrNoBMC) {
		f.NoBMC = true
		return f
	}
	f.Address = h.Target.Address.Addr().String()
	f.IPMI, _ = g.Probe.IPMI(ctx, portFor(h.Target, bmc.IPMI), h.Target.User)
	var err error
	if f.HTTPS, err = g.Probe.HTTPS(ctx, portFor(h.Target, bmc.Redfish)); err != nil && !errors.Is(err, probe.ErrSilent) && ctx.Err() == nil {
		f.NoTLS = err.Error()
	}
	f.Pinned = pinned(h.Target, f.HTTPS)
	if h.Err != nil {
		f.Failure = failure(h.Err)
		return f
	}
	err = g.With(ctx, "audit the BMC", h.Target, bmc.Operator, func(ctx context.Context, s bmc.Session) (err error) {
		f.Session, err = g.session(ctx, s, h.Target.User)
		return err
	})
	if err != nil {
		f.Failure = failure(err)
	}
	if isFactory(h.Target.User, h.Target.Password) && (err == nil || f.Failure.Why == bmc.WhyPasswordChange) {
		f.Factory = h.Target.User
	}
	if err != nil {
		return f
	}
	if f.Session.Privilege == "" {
		f.Session.Privilege = g.administrator(ctx, h.Target, f.Session)
	}
	return f
}

// failure is why a login failed, or wasn't tried.
func failure(err error) *Failure {
	f := &Failure{Why: bmc.Why(err), Text: reason(err)}
	switch {
	case errors.Is(err, bmc.ErrPassword):
		f.Why = whySecret
	case errors.Is(err, bmc.ErrOldTLS):
		f.Why = whyOldTLS
	}
	return f
}

// stranger looks whether a BMC answers at an address outside the inventory. It logs in nowhere.
func (g Gatherer) stranger(ctx context.Context, s Stranger) Facts {
	f := Facts{Address: s.Address.String()}
	if g.Probe.Answers(ctx, netip.AddrPortFrom(s.Address, ipmiPort)) {
		f.Unlisted = s.Found + ", speaks IPMI"
		return f
	}
	if h, err := g.Probe.HTTPS(ctx, netip.AddrPortFrom(s.Address, probe.Port)); err == nil && h.Redfish {
		f.Unlisted = s.Found + ", speaks Redfish"
	}
	return f
}

// portFor is where a BMC speaks a protocol. A port in the inventory is that of the protocol
// that the inventory names, and IPMI's when it names none.
func portFor(t bmc.Target, p bmc.Protocol) netip.AddrPort {
	usual := map[bmc.Protocol]uint16{bmc.IPMI: ipmiPort, bmc.Redfish: probe.Port}
	given, isFor := t.Address.Port(), bmc.IPMI
	if t.Protocol == bmc.Redfish || given == probe.Port {
		isFor = bmc.Redfish
	}
	if given == 0 || p != isFor {
		given = usual[p]
	}
	return netip.AddrPortFrom(t.Address.Addr(), given)
}

// pinned reports whether the inventory vouches for a certificate.
func pinned(t bmc.Target, h *probe.HTTPS) bool {
	if h == nil {
		return false
	}
	want, err := hex.DecodeString(strings.ReplaceAll(t.Fingerprint, ":", ""))
	if err == nil && len(want) > 0 && hex.EncodeToString(want) == h.Certificate.Fingerprint {
		return true
	}
	return len(t.CA) > 0 && h.Certificate.Of(t.CA)
}
