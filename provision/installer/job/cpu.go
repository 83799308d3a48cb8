package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/report"
)

// A cpuReport is the result for the processor.
type cpuReport struct {
	Model      string   `json:"model"`
	Cores      int      `json:"cores"` // logical ones, each with a worker of its own
	Seconds    float64  `json:"seconds"`
	Rounds     int64    `json:"rounds"`      // of all cores; each is checked
	MinRounds  int64    `json:"min_rounds"`  // of the slowest core
	MaxRounds  int64    `json:"max_rounds"`  // of the fastest
	Errors     int      `json:"errors"`      // rounds with a wrong result
	Wrong      []string `json:"wrong_cores"` // which cores gave one
	Throttled  int64    `json:"throttled"`   // times that a core slowed down for heat, in this time
	MaxCelsius int64    `json:"max_celsius"` // highest value of a sensor; 0: no sensor
}

// String is one line for people.
func (r cpuReport) String() string {
	s := fmt.Sprintf("processor: %d cores, %d rounds in %.0f s, %d wrong results", r.Cores, r.Rounds, r.Seconds, r.Errors)
	if r.MaxCelsius > 0 {
		s += fmt.Sprintf(", at most %d °C", r.MaxCelsius)
	}
	return s
}

// The results of a round, calculated by another program with integers of any size.
const (
	chainSum = "c4fae03766c8de76"
	wordSum  = 0x3be1e2c08d9f308f
	floatSum = 333308138447.2656
)

// round does arithmetic of each kind with a known result: SHA-256 over its own results (vector
// units), 128-bit multiplication and division, and floating point. It returns the kind that
// went wrong, "" for none.
func round() string {
	sum := sha256.Sum256([]byte("rackhand burn-in"))
	for range 2000 {
		sum = sha256.Sum256(sum[:])
	}
	if hex.EncodeToString(sum[:8]) != chainSum {
		return "SHA-256"
	}
	if integers() != wordSum {
		return "integers"
	}
	if floats() != floatSum {
		return "floating point"
	}
	return ""
}

func integers() uint64 {
	x, acc := uint64(0x9e3779b97f4a7c15), uint64(0)
	for i := range uint64(20000) {
		hi, lo := bits.Mul64(x, x^i)
		q, rem := bits.Div64(hi%0xfffffffffffffff1, lo, 0xfffffffffffffff1)
		x = splitmix(lo ^ hi)
		acc = bits.RotateLeft64(acc, 7) ^ q ^ rem
	}
	return acc
}

// floats is a sum that is exact in binary, so that rounding doesn't change it.
func floats() float64 {
	x := 0.0
	for i := range 20000 {
		v := float64(i) * 0.25
		x += v*v/0.5 - float64(i)/1024
	}
	return x
}

// testCPU keeps every core busy until the deadline.
func (m *Runner) testCPU(ctx context.Context, deadline time.Time) (cpuReport, error) {
	cpus := allowedCPUs()
	r := cpuReport{Model: cpuModel(kernel.ReadText("/proc/cpuinfo")), Cores: len(cpus), Wrong: []string{}}
	rounds := make([]int64, len(cpus))
	var mu sync.Mutex
	var running atomic.Bool
	running.Store(true)
	before, begun := throttled("/sys"), m.Clk.Now()
	var watching sync.WaitGroup
	watching.Go(func() {
		p := eventPace{}
		for running.Load() && m.Clk.Sleep(ctx, time.Second) == nil {
			mu.Lock()
			r.MaxCelsius = max(r.MaxCelsius, celsius("/sys"))
			errors := r.Errors
			mu.Unlock()
			if p.due(m.Clk.Now()) && !m.Rep.Busy() {
				m.Event(report.Event{Kind: "progress", Message: fmt.Sprintf("processor: %v of %v, %d wrong results",
					m.Clk.Now().Sub(begun).Round(time.Second), deadline.Sub(begun).Round(time.Second), errors)})
			}
		}
	})
	each(len(cpus), func(i int) {
		// Never unlocked: the thread is bound to this core and ends with the goroutine.
		runtime.LockOSThread()
		var set unix.CPUSet
		set.Set(cpus[i])
		_ = unix.SchedSetaffinity(0, &set)
		for ctx.Err() == nil && m.Clk.Now().Before(deadline) {
			rounds[i]++
			if kind := round(); kind != "" {
				mu.Lock()
				r.Errors++
				if name := fmt.Sprintf("core %d (%s)", cpus[i], kind); !slices.Contains(r.Wrong, name) && len(r.Wrong) < 32 {
					r.Wrong = append(r.Wrong, name)
				}
				mu.Unlock()
			}
		}
	})
	running.Store(false)
	watching.Wait()
	r.Seconds = m.Clk.Now().Sub(begun).Seconds()
	r.Throttled = throttled("/sys") - before
	r.MinRounds, r.MaxRounds = slices.Min(rounds), slices.Max(rounds)
	for _, n := range rounds {
		r.Rounds += n
	}
	return r, context.Cause(ctx)
}

func allowedCPUs() []int {
	var set unix.CPUSet
	var out []int
	if unix.SchedGetaffinity(0, &set) == nil {
		for i := range 1024 {
			if set.IsSet(i) {
				out = append(out, i)
			}
		}
	}
	if len(out) == 0 {
		out = []int{0}
	}
	return out
}

func cpuModel(info string) string {
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// throttled counts how often the cores have slowed down for heat since boot.
func throttled(sys string) int64 {
	files, _ := filepath.Glob(sys + "/devices/system/cpu/cpu*/thermal_throttle/core_throttle_count")
	var n int64
	for _, f := range files {
		n += kernel.ReadInt(f)
	}
	return n
}

// celsius is the highest temperature of the processor's sensors, 0 without any.
func celsius(sys string) int64 {
	var most int64
	zones, _ := filepath.Glob(sys + "/class/thermal/thermal_zone*/temp")
	files := zones
	chips, _ := filepath.Glob(sys + "/class/hwmon/hwmon*")
	for _, c := range chips {
		// The processor's own: disks and network cards have sensors there, too.
		if slices.Contains([]string{"coretemp", "k10temp", "zenpower", "fam15h_power"}, kernel.ReadText(c+"/name")) {
			inputs, _ := filepath.Glob(c + "/temp*_input")
			files = append(files, inputs...)
		}
	}
	for _, f := range files {
		if t := kernel.ReadInt(f) / 1000; t < 150 { // more is a sensor that isn't there
			most = max(most, t)
		}
	}
	return most
}
