package ipmi

import (
	"context"
	"fmt"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// SetUser implements bmc.Session. It never takes from the session's own account what the
// session needs: that would lock rackhand out.
func (s *session) SetUser(ctx context.Context, a bmc.Account, password string) error {
	slots, err := s.slots(ctx)
	if err != nil {
		return err
	}
	p, err := pickSlot(slots, a, s.target.User)
	if err == nil {
		err = checkUser(a, password, p)
	}
	if err != nil {
		return &bmc.Error{Kind: bmc.ErrRefused, Err: err, Hint: "nothing was changed"}
	}
	channel, err := s.channelOf(ctx)
	if err != nil {
		return err
	}
	if err := s.writeUser(ctx, channel, p, a, password); err != nil {
		return err
	}
	return s.readUser(ctx, channel, p.number, a)
}

func (s *session) writeUser(ctx context.Context, channel byte, p slot, a bmc.Account, password string) error {
	if p.Name != a.Name {
		data := make([]byte, 1+maxUser)
		data[0] = p.number
		copy(data[1:], a.Name)
		if _, err := s.ask(ctx, types.CommandSetUsername, data...); err != nil {
			return err
		}
	}
	if password != "" {
		if err := s.writePassword(ctx, p.number, password); err != nil {
			return err
		}
	}
	if a.Enabled {
		if _, err := s.ask(ctx, types.CommandSetUserAccess, accessChange|accessMessages|channel, p.number, levelOf(a.Privilege), 0); err != nil {
			return err
		}
		_, err := s.ask(ctx, types.CommandSetUserPassword, p.number, userEnable)
		return err
	}
	_, err := s.ask(ctx, types.CommandSetUserPassword, p.number, userDisable)
	return err
}

// writePassword sets a password and tests it: some BMCs cut a long one off without a word.
func (s *session) writePassword(ctx context.Context, id byte, password string) error {
	size := shortPassword
	if len(password) > shortPassword {
		size, id = maxPassword, id|longPassword
	}
	data := make([]byte, 2+size)
	data[0], data[1] = id, userPassword
	copy(data[2:], password)
	if _, err := s.ask(ctx, types.CommandSetUserPassword, data...); err != nil {
		return err
	}
	data[1] = userTest
	_, err := s.ask(ctx, types.CommandSetUserPassword, data...)
	if isCode(err, types.CodeSetUserPasswordDataMismatch) || isCode(err, types.CodeSetUserPasswordWrongSize) {
		return &bmc.Error{Kind: bmc.ErrRefused, Err: cause{fmt.Sprintf("it took a password of %d bytes, and doesn't know it afterwards", len(password)), err}, Hint: fmt.Sprintf("give one of at most %d bytes", shortPassword)}
	}
	if err != nil && !optional(err) {
		return err
	}
	return nil
}

// readUser reads an account back. A BMC may take a command and not keep it.
func (s *session) readUser(ctx context.Context, channel, id byte, want bmc.Account) error {
	access, err := s.ask(ctx, types.CommandGetUserAccess, channel, id)
	if err != nil {
		return err
	}
	if len(access) < 4 {
		return short(types.CommandGetUserAccess, access, 4)
	}
	user, err := s.userName(ctx, id)
	if err != nil {
		return err
	}
	got := slotOf(id, access, user)
	unsaid := access[1]>>6 == stateUnset
	if got.Name != want.Name || got.Enabled != want.Enabled && !unsaid || want.Enabled && got.Privilege != want.Privilege {
		return &bmc.Error{Kind: bmc.ErrRefused, Err: cause{fmt.Sprintf("account %q was set, but the BMC has %q, %s, enabled: %v", want.Name, got.Name, got.Privilege, got.Enabled), nil}}
	}
	return nil
}

// pickSlot finds where an account is written: the slot of its id, otherwise that of its name,
// otherwise a free one.
func pickSlot(slots []slot, a bmc.Account, own string) (p slot, err error) {
	found := false
	for _, candidate := range slots {
		match := candidate.ID == a.ID || a.ID == "" && a.Name != "" && candidate.Name == a.Name
		free := a.ID == "" && !found && candidate.empty && !candidate.fixed && candidate.number >= firstFree
		if match {
			p, found = candidate, true
			break
		}
		if free {
			p, found = candidate, true
		}
	}
	switch {
	case !found && a.ID != "":
		return p, fmt.Errorf("it has no account %s, but 1 to %d", a.ID, len(slots))
	case !found:
		return p, fmt.Errorf("none of its %d accounts is free", len(slots))
	case !p.empty && p.Name == own && (a.Name != own || !a.Enabled || levelOf(a.Privilege) < levelOf(p.Privilege)):
		return p, fmt.Errorf("account %s, %q, is the one that is logged in", p.ID, p.Name)
	}
	for _, other := range slots {
		if other.number != p.number && other.Name == a.Name && a.Name != "" {
			return p, fmt.Errorf("account %s has the name %q already", other.ID, a.Name)
		}
	}
	return p, nil
}

func checkUser(a bmc.Account, password string, p slot) error {
	switch {
	case len(a.Name) > maxUser || printable(a.Name) != a.Name:
		return fmt.Errorf("a name has at most %d printable bytes", maxUser)
	case len(password) > maxPassword:
		return fmt.Errorf("a password has at most %d bytes", maxPassword)
	case p.fixed && p.Name != a.Name:
		return fmt.Errorf("the name %q of account %s is fixed", p.Name, p.ID)
	case a.Enabled && levelOf(a.Privilege) == levelNone:
		return fmt.Errorf("there is no privilege %q: want %s, %s or %s", a.Privilege, bmc.User, bmc.Operator, bmc.Administrator)
	}
	return nil
}

func levelOf(p bmc.Privilege) byte {
	for level, known := range privileges {
		if known == p {
			return level
		}
	}
	return levelNone
}
