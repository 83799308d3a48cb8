package bmcsetup

import (
	"bytes"
	"context"
)

// A fakeBMC has eight slots on LAN channel 3. It keeps what is written, but for its faults.
type fakeBMC struct {
	lan    map[byte][]byte // by parameter
	users  [9]fakeUser     // by slot; 0 isn't used
	access map[byte][2]byte
	fixed  byte
	refuse map[[2]byte]byte // netFn, command: completion code
	forget map[[2]byte]bool // takes the command and does nothing
	lags   int              // readings in which the LAN parameters are the old ones
	before map[byte][]byte
	short  bool // cuts its answers
	// refuseLAN is a LAN parameter that can't be set; 0 for none.
	refuseLAN byte
	writes    [][]byte
}

type fakeUser struct {
	name, password string
	size           int
	enable, access byte
}

// newFakeBMC is as it comes from the factory: DHCP, one account, IPMI over LAN off.
func newFakeBMC() *fakeBMC {
	b := &fakeBMC{
		lan: map[byte][]byte{
			paramSource: {2}, paramAddress: {192, 168, 0, 120}, paramMask: {255, 255, 255, 0}, paramGateway: {0, 0, 0, 0},
		},
		access: map[byte][2]byte{0x40: {0x20, 4}, 0x80: {0x20, 4}},
		refuse: map[[2]byte]byte{}, forget: map[[2]byte]bool{},
	}
	for i := range b.users {
		b.users[i] = fakeUser{enable: 2, access: 0x0f}
	}
	b.users[2] = fakeUser{name: "ADMIN", password: "factory", size: 16, enable: 1, access: 0x14}
	return b
}

func (b *fakeBMC) Do(_ context.Context, netFn, cmd byte, data ...byte) (byte, []byte, error) {
	code, answer := b.answer(netFn, cmd, data)
	if b.short && len(answer) > 0 {
		answer = answer[:len(answer)-1]
	}
	return code, answer, nil
}

func (b *fakeBMC) answer(netFn, cmd byte, data []byte) (byte, []byte) {
	key := [2]byte{netFn, cmd}
	writes := key[0] == transport && cmd == setLAN ||
		netFn == app && (cmd == setChannelAccess || cmd == setUserAccess || cmd == setUserName || cmd == setUserPassword && data[1] != opTest)
	if code := b.refuse[key]; code != 0 {
		return code, nil
	}
	if key == [2]byte{transport, setLAN} && b.refuseLAN != 0 && data[1] == b.refuseLAN {
		return 0xcc, nil
	}
	if writes {
		b.writes = append(b.writes, append([]byte{netFn, cmd}, data...))
	}
	if b.forget[key] {
		return 0, nil
	}
	switch key {
	case [2]byte{app, getChannelInfo}:
		if data[0] > 3 {
			return 0xcc, nil
		}
		return 0, []byte{data[0], map[byte]byte{1: 1, 2: 5, 3: mediumLAN}[data[0]], 1, 0x80, 0xf2, 0x1b, 0, 0, 0}
	case [2]byte{transport, getLAN}:
		if b.lags > 0 && b.before != nil {
			b.lags--
			return 0, append([]byte{0x11}, b.before[data[1]]...)
		}
		return 0, append([]byte{0x11}, b.lan[data[1]]...)
	case [2]byte{transport, setLAN}:
		if b.before == nil {
			b.before = map[byte][]byte{}
			for k, v := range b.lan {
				b.before[k] = v
			}
		}
		b.lan[data[1]] = bytes.Clone(data[2:])
	case [2]byte{app, getChannelAccess}:
		a := b.access[data[1]]
		return 0, a[:]
	case [2]byte{app, setChannelAccess}:
		kind := data[1] & 0xc0
		a := [2]byte{data[1] & 0x3f, b.access[kind][1]}
		if data[2]&0xc0 != 0 {
			a[1] = data[2] & 0x0f
		}
		b.access[kind] = a
	case [2]byte{app, getUserAccess}:
		u := b.users[data[1]]
		return 0, []byte{8, u.enable << 6, b.fixed, u.access}
	default:
		return b.user(key[1], data)
	}
	return 0, nil
}

func (b *fakeBMC) user(cmd byte, data []byte) (byte, []byte) {
	if cmd == setUserAccess {
		u := &b.users[data[1]]
		u.access = data[0]&0x70 | data[2]
		return 0, nil
	}
	u := &b.users[data[0]&0x3f]
	switch {
	case cmd == getUserName && u.name == "":
		return 0xcc, nil
	case cmd == getUserName:
		return 0, padded(u.name, 16)
	case cmd == setUserName:
		u.name = string(bytes.TrimRight(data[1:], "\x00"))
	case data[1] == opEnable:
		u.enable = 1
	case data[1] == opSet:
		u.password, u.size = string(bytes.TrimRight(data[2:], "\x00")), len(data)-2
	case data[1] == opTest && len(data)-2 != u.size:
		return codeWrongSize, nil
	case data[1] == opTest && string(bytes.TrimRight(data[2:], "\x00")) != u.password:
		return codeMismatch, nil
	}
	return 0, nil
}
