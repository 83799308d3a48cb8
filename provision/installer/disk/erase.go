package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// A medium is a disk as a wipe uses it. Operations that it lacks return errUnsupported.
type medium interface {
	io.ReaderAt
	io.WriterAt
	// format makes the disk erase itself (NVMe Format NVM with a secure erase), and
	// returns how it did.
	format() (how string, err error)
	// secureDiscard makes the disk discard a part, with all copies of it.
	secureDiscard(off, n int64) error
	// zeroOut makes the kernel or the disk write zeroes to a part.
	zeroOut(off, n int64) error
	// sync flushes writes and drops cached data, so that later reads come from the disk.
	sync() error
	close() error
}

var errUnsupported = errors.New("not supported")

// Erase erases a disk and reads samples of it back. done counts the bytes that are erased.
func Erase(ctx context.Context, d plan.Disk, clk report.Clock, done *atomic.Int64) Erasure {
	return eraseDisk(ctx, d, func() (medium, error) { return openMedium(d) }, clk, done)
}

// eraseDisk is Erase with another way to open the disk.
func eraseDisk(ctx context.Context, d plan.Disk, open func() (medium, error), clk report.Clock, done *atomic.Int64) Erasure {
	r := Erasure{Disk: d.Name, Model: d.Model, Serial: d.Serial, WWN: d.WWN, Bytes: d.Size}
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

// A method is one way to erase a disk from end to end.
type method struct {
	name string
	part func(off, n int64) error
	step int64
	// skipErrors: skip a piece that fails, so that the rest is erased.
	skipErrors bool
}

// erase tries the fastest way first. After a way that leaves data it tries the next one; the
// last one writes every byte.
func erase(ctx context.Context, dev medium, size int64, r *Erasure, done *atomic.Int64, random func(int64) int64) error {
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
	for _, w := range []method{
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
func walk(ctx context.Context, size int64, w method, done *atomic.Int64) error {
	done.Store(0)
	var first error
	for off := int64(0); off < size; off += w.step {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n := min(w.step, size-off)
		if err := w.part(off, n); err != nil {
			if !w.skipErrors {
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
func settle(dev medium, size int64, r *Erasure, random func(int64) int64) error {
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
		// One in each of 512 equal parts, so that no large part is skipped.
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

// blankSectors reports whether each sector is all zeroes, or all ones, as on a formatted
// NVMe disk where nothing was written since.
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
