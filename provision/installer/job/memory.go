package job

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/report"
)

// A memoryReport is the result for the memory.
type memoryReport struct {
	TotalBytes  int64    `json:"total_bytes"`  // the memory that the kernel uses
	TestedBytes int64    `json:"tested_bytes"` // the rest holds the kernel and this program
	Passes      float64  `json:"passes"`       // a pass writes and reads every pattern once
	Seconds     float64  `json:"seconds"`
	Errors      int      `json:"errors"`
	First       []string `json:"first,omitempty"` // up to 8: where, and what came back
}

// String is one line for people.
func (r memoryReport) String() string {
	return fmt.Sprintf("memory: %.1f of %.1f GB, %.1f passes of %d patterns in %.0f s, %d errors",
		float64(r.TestedBytes)/1e9, float64(r.TotalBytes)/1e9, r.Passes, len(patterns(0)), r.Seconds, r.Errors)
}

// A pattern gives the value of each word by its place. The plain ones find stuck bits,
// "address" finds shorted address lines, "random" finds coupled cells.
type pattern struct {
	name string
	word func(i uint64) uint64
}

// patterns are those of one pass. The random one differs from pass to pass.
func patterns(pass uint64) []pattern {
	return []pattern{
		{"zeroes", func(uint64) uint64 { return 0 }},
		{"ones", func(uint64) uint64 { return ^uint64(0) }},
		{"0xAA", func(uint64) uint64 { return 0xaaaaaaaaaaaaaaaa }},
		{"0x55", func(uint64) uint64 { return 0x5555555555555555 }},
		{"address", func(i uint64) uint64 { return i }},
		{"random", func(i uint64) uint64 { return splitmix(i + pass<<48) }},
	}
}

// splitmix is the finalizer of SplitMix64, a cheap pseudo-random function.
func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A span is a piece of the memory under test.
type span struct {
	words []uint64
	base  uint64 // number of its first word among all
}

func (s span) fill(p pattern) {
	for i := range s.words {
		s.words[i] = p.word(s.base + uint64(i))
	}
}

// check reads a span back and calls wrong for each word with another value.
func (s span) check(p pattern, wrong func(i uint64, want, got uint64)) {
	for i, got := range s.words {
		if want := p.word(s.base + uint64(i)); got != want {
			wrong(s.base+uint64(i), want, got)
		}
	}
}

const spanBytes = 32 << 20

// testMemory writes and reads most of the memory until the deadline.
func (m *Runner) testMemory(ctx context.Context, deadline time.Time) (memoryReport, error) {
	r := memoryReport{TotalBytes: meminfo("/proc/meminfo", "MemTotal")}
	available := meminfo("/proc/meminfo", "MemAvailable")
	reserve := max(160<<20, r.TotalBytes/20)
	var spans []span
	defer func() {
		for _, s := range spans {
			_ = unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(&s.words[0])), len(s.words)*8))
		}
	}()
	for r.TestedBytes+spanBytes <= available-reserve {
		b, err := unix.Mmap(-1, 0, spanBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
		if err != nil {
			break
		}
		words := unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/8)
		spans = append(spans, span{words, uint64(r.TestedBytes / 8)})
		r.TestedBytes += spanBytes
	}
	if len(spans) == 0 {
		return r, fmt.Errorf("only %d MB of memory are free: nothing can be tried", available>>20)
	}
	begun := m.Clk.Now()
	p := eventPace{}
	r.Passes, r.Errors, r.First = passes(ctx, spans, deadline, m.Clk.Now, func(done float64, errors int) {
		if p.due(m.Clk.Now()) && !m.Rep.Busy() {
			m.Event(report.Event{Kind: "progress", Message: fmt.Sprintf("memory: %.1f passes over %.1f GB, %d errors", done, float64(r.TestedBytes)/1e9, errors)})
		}
	})
	r.Seconds = m.Clk.Now().Sub(begun).Seconds()
	return r, context.Cause(ctx)
}

// passes writes and reads all spans with pattern after pattern, on all cores, until
// the deadline.
func passes(ctx context.Context, spans []span, deadline time.Time, now func() time.Time, tell func(done float64, errors int)) (done float64, errors int, first []string) {
	var mu sync.Mutex
	over := func() bool { return ctx.Err() != nil || now().After(deadline) }
	for pass := uint64(0); !over(); pass++ {
		for n, p := range patterns(pass) {
			// All spans are written before any is read: that exceeds every cache.
			if !onCores(len(spans), over, func(i int) { spans[i].fill(p) }) {
				return done, errors, first
			}
			checked := onCores(len(spans), over, func(i int) {
				spans[i].check(p, func(at, want, got uint64) {
					mu.Lock()
					defer mu.Unlock()
					if errors++; len(first) < 8 {
						first = append(first, fmt.Sprintf("%s: %#x came back as %#x at %s", p.name, want, got, memoryPlace(spans, at)))
					}
				})
			})
			if !checked {
				return done, errors, first
			}
			done = float64(pass) + float64(n+1)/float64(len(patterns(0)))
			tell(done, errors)
		}
	}
	return done, errors, first
}

// onCores runs f for 0..n-1 on every core, and stops early when it is over; it
// reports whether all were run.
func onCores(n int, over func() bool, f func(i int)) bool {
	work := make(chan int)
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for i := range work {
				f(i)
			}
		})
	}
	defer func() { close(work); all.Wait() }()
	for i := range n {
		if over() {
			return false
		}
		work <- i
	}
	return true
}

// memoryPlace is the physical address of a word, with which a board's manual leads to the
// module, or the number of the word if the kernel doesn't tell the address.
func memoryPlace(spans []span, at uint64) string {
	for _, s := range spans {
		i := at - s.base
		if at < s.base || i >= uint64(len(s.words)) {
			continue
		}
		virtual := uint64(uintptr(unsafe.Pointer(&s.words[i])))
		if f, err := os.Open("/proc/self/pagemap"); err == nil { // Documentation/admin-guide/mm/pagemap.rst
			defer f.Close()
			var b [8]byte
			if _, err := f.ReadAt(b[:], int64(virtual/4096*8)); err == nil {
				if frame := binary.LittleEndian.Uint64(b[:]) & (1<<55 - 1); frame != 0 {
					return fmt.Sprintf("physical address %#x", frame*4096+virtual%4096)
				}
			}
		}
	}
	return fmt.Sprintf("word %d", at)
}

// meminfo is a value of /proc/meminfo, in bytes.
func meminfo(path, key string) int64 {
	for line := range strings.Lines(kernel.ReadText(path)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == key+":" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
