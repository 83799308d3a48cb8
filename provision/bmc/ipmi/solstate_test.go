package ipmi

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A solBMC is the BMC's side of serial over LAN, as IPMI 2.0 §15.9 has it: one packet under
// way until it is acknowledged, and at most few characters taken at a time.
type solBMC struct {
	prints, typed []byte
	sent          []byte
	sentAt        time.Time
	seq, heard    byte
	took          int
	most          int
}

// step gives a packet that is due.
func (b *solBMC) step(now time.Time) []byte {
	switch {
	case b.sent != nil && now.Sub(b.sentAt) < 500*time.Millisecond:
		return nil
	case b.sent == nil && len(b.prints) == 0:
		return nil
	case b.sent == nil:
		b.seq = following(b.seq)
		b.sent = append([]byte{b.seq, 0, 0, 0}, b.prints[:min(len(b.prints), b.most)]...)
	}
	b.sentAt = now
	return b.sent
}

// receive takes a packet, and gives the acknowledgement.
func (b *solBMC) receive(p []byte) []byte {
	if b.sent != nil && p[1] == b.seq {
		b.prints, b.sent = b.prints[min(int(p[2]), len(b.sent)-solHeader):], nil
	}
	if p[0] == 0 {
		return nil
	}
	if p[0] != b.heard {
		b.heard, b.took = p[0], min(len(p)-solHeader, 7)
		b.typed = append(b.typed, p[solHeader:solHeader+b.took]...)
	}
	return []byte{0, b.heard, byte(b.took), 0}
}

// TestSOL: whatever the network loses, doubles and delays, each character arrives once and in
// its order, both ways. Time is the test's own.
func TestSOL(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		some := func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(r.IntN(256))
			}
			return b
		}
		printed, typed := some(600), some(150)
		b := &solBMC{prints: printed, most: 40}
		s := &solState{most: 20, waiting: bytes.Clone(typed)}
		type packet struct {
			data   []byte
			number uint32
			at     time.Time
		}
		now := time.Unix(1000, 0)
		var toBMC, toUs []packet
		number := uint32(0)
		send := func(to *[]packet, data []byte) {
			number++
			for range []int{0, 1, 1, 1, 1, 1, 1, 2}[r.IntN(8)] {
				*to = append(*to, packet{bytes.Clone(data), number, now.Add(time.Duration(r.IntN(120)) * time.Millisecond)})
			}
		}
		arrived := func(from *[]packet) (due []packet) {
			var later []packet
			for _, p := range *from {
				if p.at.After(now) {
					later = append(later, p)
				} else {
					due = append(due, p)
				}
			}
			*from = later
			return due
		}
		var got []byte
		var window replayWindow
		highest := uint32(0) // the BMC drops what was overtaken or came before, too
		for ; now.Before(time.Unix(1600, 0)) && (len(got) < len(printed) || len(b.typed) < len(typed)); now = now.Add(10 * time.Millisecond) {
			do := s.step(now)
			if do.silent || do.dropped > 0 {
				t.Fatalf("seed %d: %+v after %s", seed, do, now.Sub(time.Unix(1000, 0)))
			}
			if do.packet != nil {
				send(&toBMC, do.packet)
			}
			if do.probe {
				s.heard = now // the BMC answers
			}
			if p := b.step(now); p != nil {
				send(&toUs, p)
			}
			for _, p := range arrived(&toBMC) {
				if p.number <= highest {
					continue
				}
				highest = p.number
				if ack := b.receive(p.data); ack != nil {
					send(&toUs, ack)
				}
			}
			for _, p := range arrived(&toUs) {
				if !window.fresh(p.number) {
					continue
				}
				s.heard = now
				e := s.receive(p.data, p.number, now)
				if e.lost {
					t.Fatalf("seed %d: output was lost", seed)
				}
				got = append(got, e.chars...)
				if e.ack != nil {
					send(&toBMC, e.ack)
				}
			}
		}
		if !bytes.Equal(got, printed) || !bytes.Equal(b.typed, typed) {
			t.Fatalf("seed %d: printed %d of %d, typed %d of %d; equal as far: %v", seed, len(got), len(printed), len(b.typed), len(typed),
				fmt.Sprint(bytes.HasPrefix(printed, got), bytes.HasPrefix(typed, b.typed)))
		}
	}
}

// FuzzSOL: no packet of a BMC ends the program, or takes typed characters that weren't sent.
func FuzzSOL(f *testing.F) {
	f.Add([]byte{1, 1, 3, 0, 'a'}, []byte{1, 2, 255, 0x40})
	f.Fuzz(func(t *testing.T, one, two []byte) {
		s := &solState{most: 4, waiting: []byte("0123456789")}
		now := time.Unix(1000, 0)
		for i, p := range [][]byte{one, two, one} {
			s.step(now)
			s.receive(p, uint32(i+1), now)
			now = now.Add(time.Second)
		}
		if !bytes.HasSuffix([]byte("0123456789"), s.waiting) {
			t.Errorf("%q waits", s.waiting)
		}
	})
}
