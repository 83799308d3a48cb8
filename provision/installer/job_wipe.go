package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A medium is a disk as a wipe sees it. What it can't do is errUnsupported.
type medium interface {
	io.ReaderAt
	io.WriterAt
	// format has the disk erase itself (NVMe Format NVM with a secure erase), and
	// says how.
	format() (how string, err error)
	// secureDiscard has the disk forget a part, and all copies of it.
	secureDiscard(off, n int64) error
	// zeroOut has the kernel or the disk write zeroes to a part.
	zeroOut(off, n int64) error
	// sync writes out what is written, and drops what is cached: what is read then
	// is read from the disk.
	sync() error
	close() error
}

var errUnsupported = errors.New("not supported")

// An erasure is what became of one disk, for the report.
type erasure struct {
	Disk     string  `json:"disk"`
	Model    string  `json:"model,omitempty"`
	Serial   string  `json:"serial,omitempty"`
	WWN      string  `json:"wwn,omitempty"`
	Bytes    int64   `json:"bytes"`
	Method   string  `json:"method"`
	Seconds  float64 `json:"seconds"`
	Samples  int     `json:"samples"` // pieces of 4 KiB that were read back, spread over it
	Verified bool    `json:"verified"`
	Error    string  `json:"error,omitempty"`
}

func (e erasure) String() string {
	name := fmt.Sprintf("%s (%s, serial %s)", e.Disk, gigabytes(e.Bytes), orNone(e.Serial))
	if e.Error != "" {
		return name + " was NOT erased: " + e.Error
	}
	return fmt.Sprintf("%s erased by %s in %.1f s (%.0f MB/s), %d samples read back blank",
		name, e.Method, e.Seconds, float64(e.Bytes)/1e6/max(e.Seconds, 0.001), e.Samples)
}

func orNone(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// wipeGrace is how long the list of the disks stands in the journal before the first
// of them is written to: long enough for a `rackhand cancel`.
const wipeGrace = 10 * time.Second

// wipe erases the disks that were ordered, all at once.
func (m *machine) wipe(ctx context.Context, o jobOrder, found []Disk, report func(any) error) (outcome, error) {
	disks, err := wipeDisks(found, o.Disks)
	if err != nil {
		return outcome{}, fmt.Errorf("nothing was erased: %w", err)
	}
	m.event(Event{Kind: "wipe-disks", Level: "warn", Message: fmt.Sprintf("in %v these are erased: %s", wipeGrace, strings.TrimPrefix(foundText(disks), "disks: "))})
	if err := m.clk.Sleep(ctx, wipeGrace); err != nil {
		return outcome{}, context.Cause(ctx)
	}
	if m.unwanted(ctx, o.alive) {
		return outcome{}, errCancelled
	}
	done := make([]atomic.Int64, len(disks))
	results := make([]erasure, len(disks))
	stop := m.tellDisks(ctx, disks, done)
	var all sync.WaitGroup
	for i, d := range disks {
		all.Go(func() {
			results[i] = eraseDisk(ctx, d, func() (medium, error) { return openMedium(d) }, m.clk, &done[i])
		})
	}
	all.Wait()
	stop()
	if context.Cause(ctx) != nil {
		return outcome{}, context.Cause(ctx)
	}
	return m.wiped(results, report)
}

// wiped tells what became of each disk.
func (m *machine) wiped(results []erasure, report func(any) error) (outcome, error) {
	var lines, bad []string
	for _, r := range results {
		lines = append(lines, r.String())
		e := Event{Kind: "disk-erased", Message: r.String()}
		if r.Error != "" {
			bad = append(bad, r.String())
			e.Kind, e.Level = "disk-not-erased", "error"
		}
		m.event(e)
	}
	err := report(struct {
		Disks []erasure `json:"disks"`
	}{results})
	switch {
	case len(bad) > 0:
		return outcome{}, errors.Join(errors.New(strings.Join(bad, "; ")), err)
	case err != nil:
		m.warnf("%v", err)
	}
	return outcome{strings.Join(lines, "; "), "poweroff"}, nil
}

// tellDisks tells how far it is until it is stopped.
func (m *machine) tellDisks(ctx context.Context, disks []Disk, done []atomic.Int64) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() {
		p := pace{}
		begun := m.clk.Now()
		for m.clk.Sleep(ctx, time.Second) == nil {
			if !p.due(m.clk.Now()) || m.rep.busy() {
				continue
			}
			m.event(Event{Kind: "progress", Message: diskProgress(disks, done, m.clk.Now().Sub(begun))})
		}
	})
	return func() { cancel(); told.Wait() }
}

// diskProgress: "sda 1.2 of 4.0 TB (30%); 180 MB/s, about 4h20m to go". The rate is of
// all together, the time that of the slowest.
func diskProgress(disks []Disk, done []atomic.Int64, took time.Duration) string {
	var parts []string
	var sum int64
	var left time.Duration
	for i, d := range disks {
		n := done[i].Load()
		sum += n
		parts = append(parts, fmt.Sprintf("%s %.1f of %s (%d%%)", d.Name, float64(n)/1e9, gigabytes(d.Size), 100*n/max(d.Size, 1)))
		if n > 0 {
			left = max(left, time.Duration(float64(took)*float64(d.Size-n)/float64(n)))
		}
	}
	text := fmt.Sprintf("%s; %.0f MB/s", strings.Join(parts, ", "), float64(sum)/1e6/max(took.Seconds(), 0.001))
	if left > 0 {
		text += fmt.Sprintf(", about %v to go", left.Round(time.Second))
	}
	return text
}

// wipeDisks are the disks that are meant: all, or each by its kernel name, serial
// number or WWN, of which every word must mean one disk.
func wipeDisks(found []Disk, words []string) ([]Disk, error) {
	if len(found) == 0 {
		return nil, errors.New("no disk was found")
	}
	if len(words) == 0 {
		return found, nil
	}
	var out []Disk
	for _, w := range words {
		var hits []Disk
		for _, d := range found {
			if w != "" && (w == d.Name || w == "/dev/"+d.Name || w == d.Serial || w == d.WWN) {
				hits = append(hits, d)
			}
		}
		switch {
		case len(hits) != 1:
			return nil, fmt.Errorf("%q means %d disks, not one; there are: %s", w, len(hits), disksText(found))
		case containsDisk(out, hits[0].Name):
			return nil, fmt.Errorf("%q means a disk that is named already (%s)", w, hits[0].Name)
		}
		out = append(out, hits[0])
	}
	return out, nil
}

func containsDisk(disks []Disk, name string) bool {
	for _, d := range disks {
		if d.Name == name {
			return true
		}
	}
	return false
}

// eraseDisk erases one disk and reads samples of it back.
func eraseDisk(ctx context.Context, d Disk, open func() (medium, error), clk clock, done *atomic.Int64) erasure {
	r := erasure{Disk: d.Name, Model: d.Model, Serial: d.Serial, WWN: d.WWN, Bytes: d.Size}
	begun := clk.Now()
	err := func() error {
		dev, err := open()
		if err != nil {
			return err
		}
		defer dev.close()
		return erase(ctx, dev, d.Size, &r, done, rand.Int64N)
	}()
	r.Seconds = clk.Now().Sub(begun).Seconds()
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// A way is one way to erase a disk from end to end.
type way struct {
	name string
	part func(off, n int64) error
	step int64
	// stubborn: a piece that fails is passed over, so that all else is erased.
	stubborn bool
}

// erase tries the fastest first. A way that leaves anything is not believed: the next
// one follows, and the last writes every byte.
func erase(ctx context.Context, dev medium, size int64, r *erasure, done *atomic.Int64, random func(int64) int64) error {
	var tried []error
	if how, err := dev.format(); err == nil {
		r.Method = how
		done.Store(size)
		if err := settle(dev, size, r, random); err == nil {
			return nil
		} else {
			tried = append(tried, fmt.Errorf("%s: %w", how, err))
		}
	} else if !errors.Is(err, errUnsupported) {
		tried = append(tried, err)
	}
	blank := make([]byte, 4<<20)
	for _, w := range []way{
		{"secure discard", dev.secureDiscard, 1 << 30, false},
		{"zeroes, written by the kernel", dev.zeroOut, 64 << 20, false},
		{"zeroes", func(off, n int64) error { _, err := dev.WriteAt(blank[:n], off); return err }, int64(len(blank)), true},
	} {
		err := walk(ctx, size, w, done)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, errUnsupported) {
			continue
		}
		if err == nil {
			r.Method = w.name
			if err = settle(dev, size, r, random); err == nil {
				return nil
			}
		}
		tried = append(tried, fmt.Errorf("%s: %w", w.name, err))
	}
	return errors.Join(tried...)
}

// walk applies a way piece by piece.
func walk(ctx context.Context, size int64, w way, done *atomic.Int64) error {
	done.Store(0)
	var first error
	for off := int64(0); off < size; off += w.step {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(w.step, size-off)
		if err := w.part(off, n); err != nil {
			if !w.stubborn {
				return fmt.Errorf("at byte %d: %w", off, err)
			}
			if first == nil {
				first = fmt.Errorf("at byte %d: %w", off, err)
			}
		}
		done.Store(off + n)
	}
	return first
}

const (
	edge       = 4 << 20 // both ends, where tables and signatures lie, are written in any case
	sampleSize = 4096
	samples    = 512
)

// settle writes zeroes over both ends, then reads samples back.
func settle(dev medium, size int64, r *erasure, random func(int64) int64) error {
	blank := make([]byte, min(edge, size))
	for _, off := range []int64{0, size - int64(len(blank))} {
		if _, err := dev.WriteAt(blank, off); err != nil {
			return fmt.Errorf("write zeroes at byte %d: %w", off, err)
		}
	}
	if err := dev.sync(); err != nil {
		return fmt.Errorf("write it out: %w", err)
	}
	for _, off := range []int64{0, size - int64(len(blank))} {
		got := make([]byte, len(blank))
		if _, err := dev.ReadAt(got, off); err != nil && err != io.EOF {
			return fmt.Errorf("read back at byte %d: %w", off, err)
		}
		if !uniform(got, 0) {
			return fmt.Errorf("the zeroes at byte %d were not kept", off)
		}
	}
	r.Samples = 0
	got := make([]byte, sampleSize)
	for i := range int64(samples) {
		// One in each of 512 equal parts, so that no large part is passed over.
		part := size / samples
		off := i*part + random(max(part-sampleSize, 1))
		off -= off % sampleSize
		if off+sampleSize > size {
			continue
		}
		if _, err := dev.ReadAt(got, off); err != nil {
			return fmt.Errorf("read back at byte %d: %w", off, err)
		}
		if !blankSectors(got) {
			return fmt.Errorf("there is still data at byte %d", off)
		}
		r.Samples++
	}
	if marks, err := probe(dev, size); err != nil || len(marks) > 0 {
		return errors.Join(err, fmt.Errorf("it still carries: %s", strings.Join(marks, ", ")))
	}
	r.Verified = true
	return nil
}

// blankSectors: each sector is all zeroes or, as a formatted NVMe disk may read where
// nothing was written since, all ones.
func blankSectors(b []byte) bool {
	for ; len(b) >= 512; b = b[512:] {
		if !uniform(b[:512], 0) && !uniform(b[:512], 0xff) {
			return false
		}
	}
	return len(b) == 0
}

func uniform(b []byte, want byte) bool {
	for _, x := range b {
		if x != want {
			return false
		}
	}
	return true
}
