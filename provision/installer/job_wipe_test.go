package installer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// A plate is a disk in memory. Its fields say what it can do, and how badly.
type plate struct {
	data                   []byte
	formats, secure, zeros bool
	lies                   bool           // secure discard leaves what was there
	rejects                map[int64]bool // MiB that can't be written
	log                    []string
}

func (p *plate) note(what string) {
	if len(p.log) == 0 || p.log[len(p.log)-1] != what {
		p.log = append(p.log, what)
	}
}

func (p *plate) ReadAt(b []byte, off int64) (int, error) {
	n := copy(b, p.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (p *plate) WriteAt(b []byte, off int64) (int, error) {
	p.note("write")
	for i := range b {
		if p.rejects[(off+int64(i))>>20] {
			return i, errors.New("input/output error")
		}
		p.data[off+int64(i)] = b[i]
	}
	return len(b), nil
}

func (p *plate) format() (string, error) {
	if !p.formats {
		return "", errUnsupported
	}
	p.note("format")
	for i := range p.data {
		p.data[i] = 0xff
	}
	return "format", nil
}

func (p *plate) secureDiscard(off, n int64) error {
	if !p.secure {
		return errUnsupported
	}
	p.note("secure")
	if !p.lies {
		clear(p.data[off : off+n])
	}
	return nil
}

func (p *plate) zeroOut(off, n int64) error {
	if !p.zeros {
		return errUnsupported
	}
	p.note("zeroout")
	clear(p.data[off : off+n])
	return nil
}
func (p *plate) sync() error  { return nil }
func (p *plate) close() error { return nil }

func TestErase(t *testing.T) {
	const mb = 1 << 20
	for name, c := range map[string]struct {
		plate  plate
		method string // "" when it must fail
		blank  bool   // every byte must be the same after it, but for the places that reject
		log    string
	}{
		"plain":                         {plate{}, "zeroes", true, "write"},
		"the kernel writes":             {plate{zeros: true}, "zeroes, written by the kernel", true, "zeroout write"},
		"secure discard":                {plate{secure: true, zeros: true}, "secure discard", true, "secure write"},
		"secure discard that lies":      {plate{secure: true, zeros: true, lies: true}, "zeroes, written by the kernel", true, "secure write zeroout write"},
		"format":                        {plate{formats: true, zeros: true}, "format", false, "format write"},
		"a place that can't be written": {plate{rejects: map[int64]bool{11: true}}, "", false, "write"},
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
			// What lies behind the place is erased all the same.
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
		p := &plate{data: make([]byte, 16*mb)}
		copy(p.data[at*mb:], bytes.Repeat([]byte("data"), mb/4))
		var r erasure
		err := settle(p, int64(len(p.data)), &r, func(n int64) int64 { return n / 2 })
		if err == nil || r.Verified || !strings.Contains(err.Error(), "still data at byte") {
			t.Errorf("data at %d MiB: %v", at, err)
		}
	}
}

func TestEraseCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCancelled)
	p := plate{data: bytes.Repeat([]byte{7}, 1<<20)}
	var done atomic.Int64
	r := eraseDisk(ctx, plan.Disk{Name: "sda", Size: 1 << 20}, func() (medium, error) { return &p, nil }, &fake.Clock{}, &done)
	if r.Error == "" || !uniform(p.data, 7) {
		t.Errorf("a cancelled wipe wrote: %+v", r)
	}
}

func TestWipeDisks(t *testing.T) {
	found := []plan.Disk{{Name: "sda", Serial: "S1", WWN: "naa.5", Links: []string{"disk/by-path/x"}}, {Name: "sdb", Serial: "S2"}, {Name: "nvme0n1", Serial: "S2"}}
	for _, c := range []struct {
		words []string
		want  string // names, or a part of the error after a !
	}{
		{nil, "sda sdb nvme0n1"},
		{[]string{"sda"}, "sda"},
		{[]string{"/dev/sdb", "S1"}, "sdb sda"},
		{[]string{"naa.5"}, "sda"},
		{[]string{"/dev/disk/by-path/x"}, "sda"},
		{[]string{"S2"}, `!"S2" means 2 disks`},
		{[]string{"sd"}, `!"sd" means 0 disks`},
		{[]string{"sda", "S1"}, "!named already"},
		{[]string{""}, "!0 disks"},
	} {
		// An empty word must not mean disks without a WWN.
		got, err := wipeDisks(found, c.words)
		var names []string
		for _, d := range got {
			names = append(names, d.Name)
		}
		text := strings.Join(names, " ")
		if err != nil {
			text = "!" + err.Error()
		}
		if want, bad := strings.CutPrefix(c.want, "!"); bad != (err != nil) || !strings.Contains(text, want) {
			t.Errorf("%q: %s, want %s", c.words, text, c.want)
		}
	}
	// A backup on USB is not one of the box's disks, unless somebody names it.
	usb := []plan.Disk{{Name: "sda"}, {Name: "sdb", USB: true}}
	if got, err := wipeDisks(usb, nil); err != nil || len(got) != 1 || got[0].Name != "sda" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := wipeDisks(usb, []string{"sdb"}); err != nil || len(got) != 1 || got[0].Name != "sdb" {
		t.Errorf("%v, %v", got, err)
	}
	if got := leftText(usb, []string{"0000:03:00.0 (1000:005d)"}); !strings.Contains(got, "on USB: sdb") || strings.Contains(got, "sda") || !strings.Contains(got, "NOT erased") || !strings.Contains(got, "(1000:005d); ") {
		t.Errorf("%s", got)
	}
	if got := leftText(usb[:1], nil); got != "" {
		t.Errorf("%s", got)
	}
	if _, err := wipeDisks(usb[1:], nil); err == nil {
		t.Error("nothing was erased, and it is a wipe that went well")
	}
	if _, err := wipeDisks(nil, nil); err == nil {
		t.Error("no disk at all is a wipe that went well")
	}
}

// TestWipeLeftLocked: a write-protected disk is in no list of disks to install to, and a
// wipe of all that left it would be called done.
func TestWipeLeftLocked(t *testing.T) {
	clk := &fake.Clock{}
	m := &machine{Log: report.Log{Con: report.NewConsole(clk.Now, report.NewRedactor().Clean)}, clk: clk}
	m.Rep = report.NewReporter("", nil, clk, report.NewRedactor().Clean, fake.Quiet)
	var kept any
	report := func(v any) error { kept = v; return nil }
	good := erasure{Disk: "sda", Bytes: 1 << 30, Method: "zeroes", Verified: true, Samples: 512}
	if _, err := m.wiped([]erasure{good}, report); err != nil {
		t.Fatal(err)
	}
	_, err := m.wiped(append([]erasure{good}, leftLocked([]plan.Disk{{Name: "sdb", Size: 1 << 30, Serial: "S2"}})...), report)
	if err == nil || !strings.Contains(err.Error(), "sdb (1.1 GB, serial S2) was NOT erased: it is write-protected") || strings.Contains(err.Error(), "sda") {
		t.Errorf("%v", err)
	}
	if text := fmt.Sprintf("%+v", kept); !strings.Contains(text, "sdb") || !strings.Contains(text, "sda") {
		t.Errorf("the record: %s", text)
	}
}

func TestDiskProgress(t *testing.T) {
	done := make([]atomic.Int64, 2)
	done[0].Store(1e9)
	got := diskProgress([]plan.Disk{{Name: "sda", Size: 4e9}, {Name: "sdb", Size: 2e9}}, done, 10*time.Second)
	if want := "sda 1.0 of 4.0 GB (25%), sdb 0.0 of 2.0 GB (0%); 100 MB/s, about 30s to go"; got != want {
		t.Errorf("%s", got)
	}
}

func TestPace(t *testing.T) {
	now, told := time.Unix(0, 0), 0
	var p pace
	for range 3 * 24 * 3600 {
		if p.due(now) {
			told++
		}
		now = now.Add(time.Second)
	}
	// An installer may write 5,000 events, and is given up after two hours of silence.
	if told < 3*24*2 || told > 1000 {
		t.Errorf("%d events in three days", told)
	}
}

func TestReadOrder(t *testing.T) {
	for text, bad := range map[string]string{
		`{"job":"wipe","disks":["sda"]}`:         "",
		`{"job":"burnin"}`:                       "and the appliance",
		`{"job":""}`:                             "and the appliance",
		`nonsense`:                               "what is to be done",
		`{"job":"wipe","minutes":"many"}`:        "what is to be done",
		`{"job":"wipe","disks":{"sda":"really"}`: "what is to be done",
	} {
		_, err := readOrder([]byte(text), "wipe")
		if (err != nil) != (bad != "") || bad != "" && !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := readOrder([]byte(`{"job":"explode"}`), "explode"); err == nil {
		t.Error("a job of another version is begun")
	}
	if _, err := readOrder([]byte(`{"job":"rescue"}`), "rescue"); err == nil {
		t.Error("a rescue without a key")
	}
}

func TestEndOf(t *testing.T) {
	for _, c := range []struct {
		job  string
		err  error
		want string
	}{
		{jobWipe, errCancelled, "poweroff"},
		{jobWipe, io.EOF, "poweroff"},
		{jobBurnin, io.EOF, "poweroff"},
		{jobBurnin, fmt.Errorf("x: %w", errCancelled), "reboot"},
		{jobRescue, io.EOF, "reboot"},
	} {
		if got := endOf(c.job, c.err); got != c.want {
			t.Errorf("%s after %v: %s", c.job, c.err, got)
		}
	}
}

func TestFormatWord(t *testing.T) {
	// LBA format 1 with metadata within, protection type 2 at the front, user data erase.
	if got := formatWord(0x11, 0x0a, 1); got != 1|1<<4|2<<5|1<<8|1<<9 {
		t.Errorf("%#x", got)
	}
}
