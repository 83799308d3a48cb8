package audit

import (
	"context"
	"errors"
	"fmt"

	"rackhand/provision/bmc"
)

// session reads what a BMC tells after a login as user. What it refuses or doesn't know stays
// empty. The error is of a BMC that refuses even its power state, or doesn't answer any more.
func (g Gatherer) session(ctx context.Context, s bmc.Session, user string) (*Session, error) {
	if _, err := s.Status(ctx); err != nil {
		return nil, err
	}
	var out Session
	if info, err := s.Info(ctx); err == nil {
		out.Maker, out.Model, out.Firmware = info.Maker, info.Model, info.BMC
	} else if gone(err) {
		return nil, err
	}
	before := g.Clock()
	if now, err := s.Clock(ctx); err == nil && now.IsZero() {
		out.Unset = true
	} else if err == nil {
		ahead := now.Sub(before.Add(g.Clock().Sub(before) / 2))
		out.Ahead = &ahead
	} else if gone(err) {
		return nil, err
	} else if !errors.Is(err, bmc.ErrUnsupported) {
		out.NoClock = reason(err)
	}
	if state, err := s.LogState(ctx); err == nil {
		out.Log = &state
	} else if gone(err) {
		return nil, err
	}
	if boot, err := s.Boot(ctx); err == nil {
		out.Boot = &boot
	} else if gone(err) {
		return nil, err
	}
	if users, err := s.Users(ctx); err == nil {
		out.take(users, user)
	} else if gone(err) {
		return nil, err
	}
	return &out, nil
}

// take reads the accounts of a BMC, of which user is ours.
func (s *Session) take(users []bmc.Account, user string) {
	for _, u := range users {
		switch {
		case u.Name == user:
			s.Privilege, s.MustReset = u.Privilege, u.MustReset
		case u.Name == "" && u.Enabled:
			s.Nameless = true
		}
	}
}

// administrator finds the account's privilege where an operator's session may not read the
// accounts: an administrator may.
func (g Gatherer) administrator(ctx context.Context, t bmc.Target, s *Session) bmc.Privilege {
	err := g.With(ctx, "read the accounts", t, bmc.Administrator, func(ctx context.Context, b bmc.Session) error {
		users, err := b.Users(ctx)
		if err == nil {
			s.take(users, t.User)
		}
		return err
	})
	if err != nil && bmc.Why(err) == bmc.WhyPrivilege {
		return bmc.Operator
	}
	return s.Privilege
}

// gone reports whether a BMC has stopped answering: further questions would only wait.
func gone(err error) bool {
	why := bmc.Why(err)
	return why == bmc.WhySilence || why == bmc.WhyAddress || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// reason is an error of a driver in a few words.
func reason(err error) string {
	var e *bmc.Error
	if errors.As(err, &e) && e.Err != nil {
		return fmt.Sprintf("%v: %v", e.Kind, e.Err)
	}
	return err.Error()
}
