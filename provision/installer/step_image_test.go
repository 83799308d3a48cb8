package installer

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision/installer/fake"
	"rackhand/provision/installer/report"
	"rackhand/provision/installer/unpack"
)

// A scriptClock runs a function at each sleep, and ends the context after the last
// one.
type scriptClock struct {
	fake.Clock
	steps []func()
	end   context.CancelFunc
}

func (c *scriptClock) Sleep(ctx context.Context, d time.Duration) error {
	if len(c.steps) == 0 {
		c.end()
	} else {
		c.steps[0]()
		c.steps = c.steps[1:]
	}
	return c.Clock.Sleep(ctx, d)
}

func TestProgress(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := unpack.NewStream(ctx, nil, nil, "", fake.NoLog, fake.NoLog)
	a := &fake.Appliance{Statuses: []int{204}}
	rep := reportTo(t, a, &fake.Clock{})
	comes := func(n int64) func() {
		return func() {
			for rep.Busy() { // so that nothing is left out
				time.Sleep(time.Millisecond)
			}
			s.At.Add(n)
		}
	}
	steps := []func(){comes(0), func() { s.Size.Store(100e6); comes(20e6)() }, comes(20e6)}
	steps = append(steps, slices.Repeat([]func(){comes(0)}, 12)...)
	clk := &scriptClock{steps: append(steps, comes(60e6)), end: cancel}
	m := &machine{Log: report.Log{Con: report.NewConsole(clk.Now, report.NewRedactor().Clean), Rep: rep}, clk: clk}
	m.progress(ctx, s)
	var got []string
	for _, e := range heard(t, rep, a) {
		got = append(got, e.Message)
	}
	want := []string{
		"20 of 100 MB, 5.0 MB/s, 16 s to go",
		"40 of 100 MB, 6.7 MB/s, 9 s to go",
		"40 of 100 MB, nothing has come for 10 s",
		"100 of 100 MB, 6.0 MB/s",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestLostText(t *testing.T) {
	if got := lostAttributesText(map[string]int{"user.a": 3, "security.selinux": 1}); got != "attributes in the image could not be kept: security.selinux of 1 files, user.a of 3 files" {
		t.Error(got)
	}
}

func TestPrintable(t *testing.T) {
	if got := printable("usr/\x1b[2Jä\xff\n x"); got != "usr/?[2Jä?? x" {
		t.Errorf("got %q", got)
	}
}
