package disk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/plan"
)

// A fakeDisk is a disk in memory. Its fields say what it can do, and how badly.
type fakeDisk struct {
	data                   []byte
	formats, secure, zeros bool
	lies                   bool           // secure discard leaves what was there
	rejects                map[int64]bool // MiB that can't be written
	log                    []string
}

func (p *fakeDisk) note(what string) {
	if len(p.log) == 0 || p.log[len(p.log)-1] != what {
		p.log = append(p.log, what)
	}
}

func (p *fakeDisk) ReadAt(b []byte, off int64) (int, error) {
	n := copy(b, p.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (p *fakeDisk) WriteAt(b []byte, off int64) (int, error) {
	p.note("write")
	for i := range b {
		if p.rejects[(off+int64(i))>>20] {
			return i, errors.New("input/output error")
		}
		p.data[off+int64(i)] = b[i]
	}
	return len(b), nil
}

func (p *fakeDisk) format() (string, error) {
	if !p.formats {
		return "", errUnsupported
	}
	p.note("format")
	for i := range p.data {
		p.data[i] = 0xff
	}
	return "format", nil
}

func (p *fakeDisk) secureDiscard(off, n int64) error {
	if !p.secure {
		return errUnsupported
	}
	p.note("secure")
	if !p.lies {
		clear(p.data[off : off+n])
	}
	return nil
}

func (p *fakeDisk) zeroOut(off, n int64) error {
	if !p.zeros {
		return errUnsupported
	}
	p.note("zeroout")
	clear(p.data[off : off+n])
	return nil
}

func (p *fakeDisk) sync() error { return nil }

func (p *fakeDisk) close() error { return nil }

func TestErase(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		plate  fakeDisk
		method string // "" when it must fail
		blank  bool   // every byte must be the same after it, but for the places that reject
		log    string
	}{
		"plain":                         {fakeDisk{}, "zeroes", true, "write"},
		"the kernel writes":             {fakeDisk{zeros: true}, "zeroes, written by the kernel", true, "zeroout write"},
		"secure discard":                {fakeDisk{secure: true, zeros: true}, "secure discard", true, "secure write"},
		"secure discard that lies":      {fakeDisk{secure: true, zeros: true, lies: true}, "zeroes, written by the kernel", true, "secure write zeroout write"},
		"format":                        {fakeDisk{formats: true, zeros: true}, "format", false, "format write"},
		"a place that can't be written": {fakeDisk{rejects: map[int64]bool{11: true}}, "", false, "write"},
	} {
		p := c.plate
		p.data = make([]byte, 19*mb+512)
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range p.data {
			p.data[i] = byte(rnd.Uint32()) | 1
		}
		copy(p.data[0x438:], "\x53\xef")
		var done atomic.Int64
		d := plan.Disk{Name: "sda", Size: int64(len(p.data)), Serial: "S1"}
		r := eraseDisk(t.Context(), d, func() (medium, error) { return &p, nil }, &fake.Clock{}, &done)
		if got := strings.Join(p.log, " "); got != c.log {
			t.Errorf("%s: it did %q, want %q", name, got, c.log)
		}
		if c.method == "" {
			if r.Error == "" || r.Verified || !strings.Contains(r.String(), "NOT erased") {
				t.Errorf("%s: %+v", name, r)
			}
			// Bytes behind the bad place are still erased.
			if !uniform(p.data[12*mb:], 0) {
				t.Errorf("%s: what comes after it is still there", name)
			}
			continue
		}
		if r.Error != "" || r.Method != c.method || !r.Verified || r.Samples < 500 || done.Load() != d.Size {
			t.Errorf("%s: %+v, done %d", name, r, done.Load())
		}
		if c.blank && !uniform(p.data, 0) {
			t.Errorf("%s: data is left", name)
		}
	}
}

// TestSettleFindsData: one megabyte that was left anywhere on a disk of sixteen is found.
func TestSettleFindsData(t *testing.T) {
	const mb = 1 << 20
	for at := 4; at < 12; at++ {
		p := &fakeDisk{data: make([]byte, 16*mb)}
		copy(p.data[at*mb:], bytes.Repeat([]byte("data"), mb/4))
		var r Erasure
		err := settle(p, int64(len(p.data)), &r, func(n int64) int64 { return n / 2 })
		if err == nil || r.Verified || !strings.Contains(err.Error(), "still data at byte") {
			t.Errorf("data at %d MiB: %v", at, err)
		}
	}
}

func TestEraseCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("cancelled"))
	p := fakeDisk{data: bytes.Repeat([]byte{7}, 1<<20)}
	var done atomic.Int64
	r := eraseDisk(ctx, plan.Disk{Name: "sda", Size: 1 << 20}, func() (medium, error) { return &p, nil }, &fake.Clock{}, &done)
	if r.Error == "" || !uniform(p.data, 7) {
		t.Errorf("a cancelled wipe wrote: %+v", r)
	}
}

func TestFormatWord(t *testing.T) {
	// LBA format 1 with metadata within, protection type 2 at the front, user data erase.
	if got := formatWord(0x11, 0x0a, 1); got != 1|1<<4|2<<5|1<<8|1<<9 {
		t.Errorf("%#x", got)
	}
}
