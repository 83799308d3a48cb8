package bmcsetup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Operations of Set User Password (IPMI 2.0 §22.30).
const (
	opEnable = 1
	opSet    = 2
	opTest   = 3
	sized20  = 0x80 // a password of 20 bytes, otherwise of 16
)

// Completion codes of its test.
const (
	codeMismatch  = 0x80
	codeWrongSize = 0x81
)

// A user is a slot (Get User Access, IPMI 2.0 §22.27).
type user struct {
	name   string
	enable byte // 1: enabled, 2: disabled, 0: the BMC doesn't say
	access byte // bit 4: IPMI messaging; bits 3:0 the privilege, 15 for none
}

func (u user) messaging() bool { return u.access&0x10 != 0 }
func (u user) level() byte     { return u.access & 0x0f }

// free: the slot has no name, and nobody can log in by it as an anonymous user.
func (u user) free() bool { return u.name == "" && (!u.messaging() || u.level() == 0x0f) }

// A password is whether a slot has the wanted one.
type password int

const (
	passwordWrong password = iota
	passwordRight
	passwordUntested // the BMC refuses to test
)

// accountSteps finds the account's slot and compares it.
func accountSteps(ctx context.Context, d Device, channel byte, want Settings) ([]step, error) {
	slot, have, err := findSlot(ctx, d, channel, want.User)
	if err != nil {
		return nil, err
	}
	tested := passwordWrong
	if have.name != "" {
		if tested, err = testPassword(ctx, d, slot, want.Password); err != nil {
			return nil, err
		}
	}
	return have.steps(channel, slot, want, tested), nil
}

// findSlot returns the slot with that name, or else the first free one. It never returns 1,
// and none whose name is fixed.
func findSlot(ctx context.Context, d Device, channel byte, name string) (byte, user, error) {
	first, err := ask(ctx, d, "say how many users it has", 4, app, getUserAccess, channel, 1)
	if err != nil {
		return 0, user{}, err
	}
	most, fixed := first[0]&0x3f, first[2]&0x3f
	free, freeSlot := user{}, byte(0)
	for slot := byte(2); slot <= most; slot++ {
		u, err := readUser(ctx, d, channel, slot)
		if err != nil {
			return 0, u, err
		}
		if u.name == name {
			return slot, u, nil
		}
		if freeSlot == 0 && slot > fixed && u.free() {
			free, freeSlot = u, slot
		}
	}
	if freeSlot == 0 {
		return 0, user{}, fmt.Errorf("the BMC has no free user slot for %s among its %d: remove an account that isn't needed", name, most)
	}
	return freeSlot, free, nil
}

func readUser(ctx context.Context, d Device, channel, slot byte) (user, error) {
	data, err := ask(ctx, d, fmt.Sprintf("say the access of user %d", slot), 4, app, getUserAccess, channel, slot)
	if err != nil {
		return user{}, err
	}
	u := user{enable: data[1] >> 6, access: data[3]}
	name, err := ask(ctx, d, fmt.Sprintf("say the name of user %d", slot), 1, app, getUserName, slot)
	if r := (*refusal)(nil); errors.As(err, &r) && (r.code == 0xcb || r.code == 0xcc) {
		return u, nil // how BMCs answer for a slot without a name
	}
	if err != nil {
		return user{}, err
	}
	name, _, _ = bytes.Cut(name, []byte{0})
	u.name = string(bytes.TrimRight(name[:min(len(name), maxName)], " \xff"))
	return u, nil
}

// testPassword asks whether a slot has a password. A short one may be kept in either size.
func testPassword(ctx context.Context, d Device, slot byte, text string) (password, error) {
	data := passwordData(slot, opTest, text)
	code, _, err := d.Do(ctx, app, setUserPassword, data...)
	if err == nil && code == codeWrongSize && data[0]&sized20 == 0 {
		data = append([]byte{slot | sized20, opTest}, padded(text, maxPassword)...)
		code, _, err = d.Do(ctx, app, setUserPassword, data...)
	}
	switch {
	case err != nil:
		return passwordWrong, fmt.Errorf("test the password of user %d: %w", slot, err)
	case code == 0:
		return passwordRight, nil
	case code == codeMismatch || code == codeWrongSize:
		return passwordWrong, nil
	}
	return passwordUntested, nil
}

func passwordData(slot, op byte, text string) []byte {
	if len(text) > 16 {
		return append([]byte{slot | sized20, op}, padded(text, maxPassword)...)
	}
	return append([]byte{slot, op}, padded(text, 16)...)
}

func padded(text string, size int) []byte {
	out := make([]byte, size)
	copy(out, text)
	return out
}

// steps leads to the wanted account. The slot is enabled last, when it has its password.
func (u user) steps(channel, slot byte, want Settings, tested password) []step {
	var out []step
	add := func(what string, blind bool, cmd byte, data ...byte) {
		out = append(out, step{what: what, netFn: app, cmd: cmd, data: data, blind: blind})
	}
	if u.name != want.User {
		add(fmt.Sprintf("the name %s for user %d", want.User, slot), false, setUserName, append([]byte{slot}, padded(want.User, maxName)...)...)
	}
	if tested != passwordRight {
		add("the password of "+want.User, tested == passwordUntested, setUserPassword, passwordData(slot, opSet, want.Password)...)
	}
	if !u.messaging() || u.level() != want.level() {
		// Bit 7: the next three count. Link authentication (bit 5) belongs to IPMI 1.5 and
		// stays as it is; callback only (bit 6) would keep the account from logging in.
		flags := 0x80 | u.access&0x20 | 0x10 | channel
		add(fmt.Sprintf("%s privilege over LAN for %s", levelName(want.level()), want.User), false, setUserAccess, flags, slot, want.level())
	}
	if u.enable != 1 && (u.enable == 2 || len(out) > 0) {
		// Where the BMC doesn't say whether a slot is enabled, it is enabled with a change.
		add(want.User+" enabled", u.enable == 0, setUserPassword, passwordData(slot, opEnable, "")...)
	}
	return out
}

func levelName(level byte) string {
	return map[byte]string{3: "operator", 4: "administrator"}[level]
}
