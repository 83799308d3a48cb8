package ipmi

import (
	"context"
	"strconv"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

// Operations of Set User Password (IPMI 2.0 §22.30), and bits of Set User Access (§22.26).
const (
	userDisable  = 0
	userEnable   = 1
	userPassword = 2
	userTest     = 3

	longPassword  = 1 << 7 // of 20 bytes
	shortPassword = 16

	accessChange   = 1 << 7
	accessMessages = 1 << 4 // IPMI messaging: without it there is no login over LAN

	mostSlots   = 63 // the id has 6 bits
	firstFree   = 2  // 1 is the account without a name
	levelNone   = 0x0f
	stateUnset  = 0 // Get User Access doesn't say whether the user is enabled
	stateEnable = 1
)

// privileges are IPMI's levels (table 22-33).
var privileges = map[byte]bmc.Privilege{
	1: "callback", 2: bmc.User, 3: bmc.Operator, 4: bmc.Administrator, 5: "oem",
}

// A slot is a place for an account.
type slot struct {
	bmc.Account
	number byte
	fixed  bool // its name can't be changed
	empty  bool
}

// Users implements bmc.Session. Empty slots are left out.
func (s *session) Users(ctx context.Context) ([]bmc.Account, error) {
	slots, err := s.slots(ctx)
	var all []bmc.Account
	for _, p := range slots {
		if !p.empty {
			all = append(all, p.Account)
		}
	}
	return all, err
}

func (s *session) slots(ctx context.Context) (all []slot, err error) {
	channel, err := s.channelOf(ctx)
	if err != nil {
		return nil, err
	}
	most := byte(1)
	for id := byte(1); id <= most; id++ {
		access, err := s.ask(ctx, types.CommandGetUserAccess, channel, id)
		if optional(err) && id > 1 {
			continue // a slot that this channel doesn't have
		}
		if err != nil {
			return nil, err
		}
		if len(access) < 4 {
			return nil, short(types.CommandGetUserAccess, access, 4)
		}
		most = min(access[0]&0x3f, mostSlots)
		user, err := s.userName(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, slotOf(id, access, user))
	}
	return all, nil
}

// userName is "" for a slot without a name, about which some BMCs say that there isn't one.
func (s *session) userName(ctx context.Context, id byte) (string, error) {
	answer, err := s.ask(ctx, types.CommandGetUsername, id)
	if err != nil && !optional(err) {
		return "", err
	}
	return printable(string(answer[:min(len(answer), maxUser)])), nil
}

func slotOf(id byte, access []byte, user string) slot {
	state, level := access[1]>>6, access[3]&0x0f
	enabled := access[3]&accessMessages != 0 && level != levelNone && (state == stateEnable || state == stateUnset)
	return slot{
		Account: bmc.Account{ID: strconv.Itoa(int(id)), Name: user, Privilege: privileges[level], Enabled: enabled},
		number:  id, fixed: id <= access[2]&0x3f, empty: user == "" && !enabled,
	}
}
