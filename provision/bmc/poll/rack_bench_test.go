//go:build bench

package poll_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/bench"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
	"rackhand/provision/bmc/ipmi"
	"rackhand/provision/bmc/poll"
	"rackhand/provision/power"
)

var write = flag.Bool("write", false, "write the table into docs/performance.md")

const bmcs = 500

// TestPoll500 asks 500 BMCs on loopback once, by IPMI with logins: for the power state, and then
// for the rest. Some rows have BMCs that never answer.
func TestPoll500(t *testing.T) {
	table := bench.Table{
		Head: []string{"BMCs", "all asked for power, s", "all asked for sensors, log, model and more, s", "processor time, s", "memory of the answers, KB each"},
		Legend: []string{
			"BMCs of go-ipmi on loopback, in the same process and with its processor time: their logins cost as much as ours. Each question is a session of its own: cipher suite 17, login, questions, logout. 32 at once. As usual, the first questions are spread over 15 s, and the rest follows 15 s after each. Silent BMCs are ports that nothing answers; the time is until all others have answered.",
		},
	}
	for _, row := range []struct {
		name   string
		dead   int
		random func() float64
	}{
		{"500, as usual", 0, rand.Float64},
		{"500, all due at one moment", 0, func() float64 { return 0 }},
		{"500, 50 of them silent", 50, rand.Float64},
	} {
		table.Rows = append(table.Rows, append([]string{row.name}, measure(t, row.dead, row.random)...))
	}
	text := table.Markdown()
	fmt.Printf("\n%s\n", text)
	if *write {
		if err := bench.RewriteFile(filepath.Join("..", "..", "..", "docs", "performance.md"), "bmcs", text); err != nil {
			t.Error(err)
		}
	}
}

func measure(t *testing.T, dead int, random func() float64) []string {
	targets := map[string]bmc.Target{}
	hosts := map[string]string{}
	for i := range bmcs {
		target := bmc.Target{User: bmctest.User, Password: bmctest.Password, Protocol: bmc.IPMI}
		if i < dead {
			target.Address = unanswered(t)
		} else {
			target = bmctest.Serve(t).Target
			target.Protocol = bmc.IPMI
		}
		name := fmt.Sprintf("box%03d", i)
		targets[name], hosts[name] = target, target.Address.String()
	}
	control := power.New(power.Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: ipmi.Driver{}}})
	var mu sync.Mutex
	brief, full := map[string]bool{}, map[string]bool{}
	var first, all time.Duration
	began, used := time.Now(), processorTime(t)
	done := make(chan struct{})
	p := poll.New(poll.Options{
		Hosts: func() map[string]string { return hosts }, Inventory: func() string { return "" }, Power: time.Minute, Sensors: 5 * time.Minute,
		Now: time.Now, After: time.After, Random: random,
		Record: provision.RecorderFunc(func(provision.Event) error { return nil }),
		Ask: func(ctx context.Context, host string, entries int, parts ...bmc.ReportPart) (r bmc.Report, err error) {
			err = control.With(power.Background(ctx), "ask", targets[host], bmc.Operator, func(ctx context.Context, s bmc.Session) (err error) {
				r, err = bmc.Read(ctx, s, entries, parts...)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil && !brief[host] {
				if brief[host] = true; len(brief) == bmcs-dead {
					first = time.Since(began)
				}
			}
			if err == nil && len(parts) > 1 && !full[host] {
				if full[host] = true; len(full) == bmcs-dead {
					all = time.Since(began)
					close(done)
				}
			}
			return r, err
		},
	})
	before := heap()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	select {
	case <-done:
	case <-time.After(5 * time.Minute):
		t.Fatalf("after 5 minutes %d have answered briefly, %d in full", len(brief), len(full))
	}
	spent := processorTime(t) - used
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	kept := heap() - before
	runtime.KeepAlive(p)
	return []string{fmt.Sprintf("%.1f", first.Seconds()), fmt.Sprintf("%.1f", all.Seconds()), fmt.Sprintf("%.1f", spent.Seconds()), fmt.Sprintf("%.1f", float64(max(kept, 0))/bmcs/1000)}
}

// unanswered is a port that takes packets and never answers.
func unanswered(t *testing.T) netip.AddrPort {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// heap is the memory in use, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// processorTime is what this process has used.
func processorTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
