package power

import (
	"context"
	"errors"
	"net/netip"

	"rackhand/provision/bmc"
)

// The protocols' own ports (IPMI 2.0 §13.1.2; HTTPS).
const (
	ipmiPort    = 623
	redfishPort = 443
)

// A prober is a driver that finds out quickly, and without an account, whether a BMC speaks
// its protocol.
type prober interface {
	Speaks(ctx context.Context, t bmc.Target) bool
}

// protocols are those to try at a BMC, in order. With auto, Redfish comes first where the
// inventory says which certificate to trust. Without that it could only be refused, so IPMI
// comes first, as for inventories from before there was Redfish; so it does for a port that
// isn't a protocol's own.
func protocols(t bmc.Target, m bmc.Memory) []bmc.Protocol {
	switch port := t.Address.Port(); {
	case t.Protocol == bmc.IPMI || t.Protocol == bmc.Redfish:
		return []bmc.Protocol{t.Protocol}
	case port == redfishPort:
		return []bmc.Protocol{bmc.Redfish}
	case port != 0 && port != ipmiPort:
		return []bmc.Protocol{bmc.IPMI}
	case m.Protocol == bmc.IPMI && m.Trusted == t.Trusts(), m.Protocol == "" && !t.Trusts():
		return []bmc.Protocol{bmc.IPMI, bmc.Redfish}
	}
	return []bmc.Protocol{bmc.Redfish, bmc.IPMI}
}

// at is a target for one of the protocols: with its own port, unless another is given.
func at(t bmc.Target, p bmc.Protocol) bmc.Target {
	port := t.Address.Port()
	auto := t.Protocol != p
	switch {
	case p == bmc.Redfish && (port == 0 || auto && port == ipmiPort):
		port = redfishPort
	case p == bmc.IPMI && port == 0:
		port = ipmiPort
	}
	t.Protocol, t.Address = p, netip.AddrPortFrom(t.Address.Addr(), port)
	return t
}

// open logs in by the first protocol that the BMC speaks. Only a BMC that doesn't answer, or
// that doesn't speak a protocol, leads to the next one. A certificate that isn't trusted or a
// refused login ends the search: IPMI would protect neither the password nor the commands.
func (o *operation) open(ctx context.Context) (bmc.Session, bmc.Target, error) {
	var failed error
	failedAt := o.t
	for _, p := range protocols(o.t, o.k.memory) {
		t, driver := at(o.t, p), o.c.opts.Drivers[p]
		if driver == nil {
			continue
		}
		// Asking first is quick where nothing listens.
		if asks, ok := driver.(prober); ok && o.t.Protocol != p && o.k.memory.Protocol != p && !asks.Speaks(ctx, t) {
			continue
		}
		s, err := o.openBy(ctx, driver, t)
		if err == nil {
			o.c.spoken(o.k, p)
			o.k.memory.Trusted = o.t.Trusts()
			return s, t, nil
		}
		if !unanswered(err) || ctx.Err() != nil {
			return nil, t, err
		}
		if failed == nil {
			failed, failedAt = err, t
		}
	}
	if failed == nil {
		failed = &bmc.Error{Kind: bmc.ErrUnreachable, Err: errors.New("nothing that speaks Redfish or IPMI")}
	}
	return nil, failedAt, failed
}

// openBy logs in by one protocol, within its time.
func (o *operation) openBy(ctx context.Context, d bmc.Driver, t bmc.Target) (bmc.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, o.c.opts.Timeout)
	defer cancel()
	return d.Open(ctx, t, &o.k.memory)
}

// unanswered reports whether nothing at the address speaks the protocol. Silence at the login
// is the answer of some BMCs to a user that they don't know.
func unanswered(err error) bool {
	return (errors.Is(err, bmc.ErrUnreachable) || errors.Is(err, bmc.ErrNoRedfish) || errors.Is(err, bmc.ErrUnsupported)) &&
		bmc.Why(err) != bmc.WhyPassword
}
