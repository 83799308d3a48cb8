//go:build bench

package flood

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rackhand/provision/bench"
)

var write = flag.Bool("write", false, "put the table into docs/reliability.md")

// TestUnderFlood runs eight seconds of each flood, and writes a table of the service that
// boxes had.
func TestUnderFlood(t *testing.T) {
	const seconds, rate, connections = 8, 20000, 5000
	before := load(t)
	r := newTestNetwork(t)
	table := bench.Table{Head: []string{"flood", "sent", "exchanges", "answered", "median", "slowest", "memory, MiB"}}
	row := func(name string, sent int, boxes report, memory string) {
		table.Rows = append(table.Rows, []string{
			name, fmt.Sprint(sent), fmt.Sprint(boxes.Begun), fmt.Sprintf("%.1f %%", 100*float64(boxes.Answered)/float64(max(1, boxes.Begun))),
			fmt.Sprintf("%.1f ms", boxes.Median.Seconds()*1e3), fmt.Sprintf("%.0f ms", boxes.Worst.Seconds()*1e3), memory,
		})
	}
	for _, f := range r.floods(seconds, rate, connections) {
		row(f.name, f.sent, f.boxes, fmt.Sprint(f.memory>>10))
	}
	kinds := Kinds()
	full := r.attack(job{Attack: kinds[0].Name})
	boxes := r.runBoxesFor(seconds, 0)
	row(kinds[0].Name+", as fast as it can", full(), boxes, fmt.Sprint(r.memory()>>10))
	stop := r.attack(job{Attack: kinds[len(kinds)-1].Name, Rate: rate})
	victim := r.runBoxesFor(seconds, asVictim)
	row("the victim's MAC, for the victim itself", stop(), victim, fmt.Sprint(r.memory()>>10))
	table.Legend = []string{fmt.Sprintf(
		"Each flood lasts %d s. It sends %d packets a second, or holds %d connections from 20 addresses and opens them again when they are closed. The appliance, the flood and six boxes at a time share %d cores (load before: %s). An exchange is DISCOVER to ACK, a rebinding, or a join through a relay. When connections are the flood, it is also a boot script (port 80), the time (8443) and the page. It counts as answered if it ends within the tries of a firmware (1, 2, 4 and 8 s). Memory is the process's peak (VmHWM) in that flood.",
		seconds, rate, connections, runtime.NumCPU(), before)}
	text := table.Markdown()
	fmt.Println(text)
	if *write {
		if err := bench.RewriteFile(filepath.Join("..", "..", "..", "docs", "reliability.md"), "flood", text); err != nil {
			t.Error(err)
		}
	}
}

// load is the machine's load average over a minute.
func load(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}
