package dhcp

import (
	"context"
	"strings"
	"testing"

	"rackhand/provision"
)

// TestBadPackets checks that garbage gets no answer, and causes one event a minute for each
// sender.
func TestBadPackets(t *testing.T) {
	b := newTestServer(t)
	good := discover(web1).ToBytes()
	change := func(at int, v byte) []byte {
		p := append([]byte(nil), good...)
		p[at] = v
		return p
	}
	for name, p := range map[string][]byte{
		"empty": {}, "short": good[:100], "no options": good[:240], "cut": good[:242],
		"a reply": change(0, 2), "token ring": change(1, 6), "long address": change(2, 16),
		"no cookie": change(236, 0), "multicast": change(28, 1),
		"more than is read":                    append(append([]byte(nil), good...), make([]byte, maxPacket)...),
		"options that break off before a type": append(append([]byte(nil), good[:optionsAt]...), 60, 200, 'x'),
	} {
		if _, _, ok := b.answer(context.Background(), p); ok {
			t.Errorf("%s was answered", name)
		}
	}
	// A valid packet of the greatest size is answered.
	big := discover(web1)
	for code := uint8(224); code < 240; code++ {
		raw(code, strings.Repeat("x", 234))(big)
	}
	if r := b.ask(big); r == nil || len(big.ToBytes()) < 4000 || len(big.ToBytes()) > maxPacket {
		t.Errorf("%d bytes: %v", len(big.ToBytes()), r)
	}
	n := len(b.kinds())
	if n < 1 || n > 4 { // senders: unknown, web1, web1 with another first byte
		t.Errorf("%d events", n)
	}
	for i := range 1000 {
		p := change(0, 2)
		p[32], p[33] = byte(i>>8), byte(i)
		b.answer(context.Background(), p)
	}
	if n := len(b.kinds()); n > provision.FloodMost {
		t.Errorf("%d events of one flood", n)
	}
	b.now = b.now.Add(reportEvery)
	b.answer(context.Background(), change(0, 2))
	b.wantKinds(" bad-packet")
}

// TestPanicCostsOnePacket checks that the server survives a panic.
func TestPanicCostsOnePacket(t *testing.T) {
	b := newTestServer(t)
	b.ScriptURL = nil
	b.arm("web1")
	b.tryAnswer(context.Background(), datagram{payload: discover(web1, ipxe).ToBytes()})
	b.wantKinds(" bad-packet")
}
