package audit

import (
	"context"
	"fmt"
	"sync/atomic"

	"rackhand/provision"
	"rackhand/provision/bmc"
)

// tryFactory tries the factory accounts of a BMC's maker, one after the other, and ends at the
// first that is accepted or shows a sign of a lockout. Such a sign ends the tries of the whole
// audit by stop. A BMC whose maker isn't known is not tried, nor one that is locked or whose
// login failed for another reason than the account.
func (g Gatherer) tryFactory(ctx context.Context, h Host, f *Facts, stop *atomic.Bool) {
	if f.Factory != "" || f.Failure != nil && f.Failure.Why != bmc.WhyPassword && f.Failure.Why != bmc.WhyPrivilege {
		return
	}
	var names []string
	if f.Session != nil {
		names = append(names, f.Session.Maker)
	}
	if f.HTTPS != nil {
		names = append(names, f.HTTPS.Vendor)
	}
	for _, a := range factoryAccounts(names...) {
		if stop.Load() || ctx.Err() != nil {
			return
		}
		if g.Record(factoryEvent(h, a.user, "factory-try", fmt.Sprintf("the audit tries the factory account %s", a.user))) != nil {
			return // a try that isn't on record isn't made
		}
		why, err := g.login(ctx, h.Target, a)
		switch {
		case err == nil, why == bmc.WhyPasswordChange: // which a BMC says to the right password alone
			f.Factory = a.user
			_ = g.Record(factoryEvent(h, a.user, "factory-account", fmt.Sprintf("the BMC accepts the factory account %s", a.user)))
			return
		case ctx.Err() != nil:
			return
		case why != bmc.WhyPassword && why != bmc.WhyPrivilege:
			g.lockout(h, f, a.user, "the answer was not that to a wrong password, but: "+why, stop)
			return
		case f.Failure == nil && g.own(ctx, h.Target) != nil:
			g.lockout(h, f, h.Target.User, "the inventory's own account is refused since then", stop)
			return
		}
	}
}

// login opens a session with a factory account and closes it.
func (g Gatherer) login(ctx context.Context, t bmc.Target, a account) (why string, err error) {
	t.User, t.Password, t.Privilege = a.user, a.password, ""
	err = g.own(ctx, t)
	return bmc.Why(err), err
}

// own opens a session with the target's account and closes it.
func (g Gatherer) own(ctx context.Context, t bmc.Target) error {
	return g.With(ctx, "check an account", t, bmc.Operator, func(context.Context, bmc.Session) error { return nil })
}

// lockout ends the tries of factory accounts, of all BMCs: they may share their settings.
func (g Gatherer) lockout(h Host, f *Facts, user, sign string, stop *atomic.Bool) {
	stop.Store(true)
	f.Locked = user
	_ = g.Record(factoryEvent(h, user, "factory-stopped", "the audit tries no more factory accounts, because this BMC may have locked an account: "+sign))
}

func factoryEvent(h Host, user, kind, message string) provision.Event {
	return provision.Event{
		Host: h.Name, Source: "bmc", Kind: kind, Level: provision.LevelWarn, Message: message,
		Fields: map[string]string{"user": user, "address": h.Target.Address.Addr().String()},
	}
}
