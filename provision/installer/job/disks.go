package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

// A diskReport is the result for a disk.
type diskReport struct {
	Disk       string   `json:"disk"`
	Model      string   `json:"model,omitempty"`
	Serial     string   `json:"serial,omitempty"`
	Bytes      int64    `json:"bytes"`
	ReadBytes  int64    `json:"read_bytes"`
	Seconds    float64  `json:"seconds"`
	ReadErrors int      `json:"read_errors"` // places of 1 MiB that could not be read
	First      []string `json:"first,omitempty"`
	SMART      health   `json:"smart"`
}

// String is one line for people.
func (r diskReport) String() string {
	return fmt.Sprintf("%s (%s, serial %s): %d%% read at %s, %d read errors; %s", r.Disk, plan.Gigabytes(r.Bytes), cmp.Or(r.Serial, "unknown"),
		100*r.ReadBytes/max(r.Bytes, 1), report.Speed(r.ReadBytes, r.Seconds), r.ReadErrors, r.SMART)
}

// testDisks reads all disks at once until the deadline.
func (m *Runner) testDisks(ctx context.Context, disks []plan.Disk, deadline time.Time) []diskReport {
	out := make([]diskReport, len(disks))
	done := make([]atomic.Int64, len(disks))
	// One event for all of them: an install or job may write 5,000 events.
	defer m.reportDisks(ctx, disks, done)()
	each(len(disks), func(i int) {
		d := disks[i]
		before := askHealth(d.Name)
		begun := m.Clk.Now()
		r := diskReport{Disk: d.Name, Model: d.Model, Serial: d.Serial, Bytes: d.Size}
		f, err := os.OpenFile("/dev/"+d.Name, os.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
		if err != nil {
			r.ReadErrors, r.First = 1, []string{err.Error()}
		} else {
			readSurface(ctx, f, d.Size, &r, func() bool { return m.Clk.Now().After(deadline) }, func() { done[i].Store(r.ReadBytes) })
			f.Close()
		}
		r.Seconds = m.Clk.Now().Sub(begun).Seconds()
		r.SMART = askHealth(d.Name)
		r.SMART.Grown = r.SMART.grownSince(before)
		out[i] = r
	})
	return out
}

// maxReadErrors ends the reading of a disk that is broken everywhere: each error may take half
// a minute.
const maxReadErrors = 64

// readSurface reads a disk from start to end and skips places that can't be read.
func readSurface(ctx context.Context, f io.ReaderAt, size int64, r *diskReport, over func() bool, tell func()) {
	const step = 1 << 20
	buf := aligned(step)
	for off := int64(0); off < size && ctx.Err() == nil && !over() && r.ReadErrors < maxReadErrors; off += step {
		n := min(step, size-off)
		got, err := f.ReadAt(buf[:n], off)
		r.ReadBytes += int64(got)
		if err != nil && !(errors.Is(err, io.EOF) && int64(got) == n) {
			if r.ReadErrors++; len(r.First) < 8 {
				r.First = append(r.First, fmt.Sprintf("byte %d: %v", off+int64(got), unwrapErrno(err)))
			}
		}
		tell()
	}
}

func unwrapErrno(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}

// aligned is a buffer for O_DIRECT: it starts on a page.
func aligned(n int) []byte {
	b := make([]byte, n+4096)
	off := int(-uintptr(unsafe.Pointer(&b[0])) & 4095)
	return b[off : off+n]
}
