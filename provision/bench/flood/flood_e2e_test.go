//go:build e2e || bench

package flood

import (
	"fmt"
	"testing"
	"time"
)

// A finding is the result of one flood.
type finding struct {
	name   string
	sent   int
	boxes  report
	memory int // KiB
	open   int // files and connections of the appliance, at the flood's end
}

// floods runs every flood for so long, one after the other, at this rate in packets a
// second or with this number of connections.
func (r *testNetwork) floods(seconds float64, rate, connections int) []finding {
	r.t.Helper()
	r.memory()
	all := []finding{{name: "none", boxes: r.runBoxesFor(seconds, withWeb)}}
	all[0].memory = r.memory()
	for _, k := range Kinds() {
		f := finding{name: k.Name}
		stop := r.attack(job{Attack: k.Name, Rate: rate})
		f.boxes = r.runBoxesFor(seconds, 0)
		f.sent = stop()
		f.memory = r.memory()
		all = append(all, f)
	}
	for _, port := range []int{80, 8443, 8080} {
		f := finding{name: fmt.Sprintf("%d connections to %d", connections, port)}
		stop := r.attack(job{Connections: connections, Port: port})
		f.boxes = r.runBoxesFor(seconds, withWeb)
		f.open = r.open()
		f.sent = stop()
		f.memory = r.memory()
		all = append(all, f)
	}
	for _, f := range all {
		r.t.Logf("%-24s sent %7d, boxes %4d of %4d, median %s, worst %s, %d KiB %q", f.name, f.sent, f.boxes.Answered, f.boxes.Begun,
			f.boxes.Median.Round(time.Microsecond), f.boxes.Worst.Round(time.Millisecond), f.memory, f.boxes.Failed)
		if f.open > 0 {
			r.t.Logf("%-24s %d files open", f.name, f.open)
		}
	}
	return all
}

// TestFloods checks that under each flood every box gets its answers in the end, and that
// the appliance stays within its memory.
func TestFloods(t *testing.T) {
	for _, f := range newTestNetwork(t).floods(1, 20000, 1500) {
		if f.boxes.Answered < f.boxes.Begun || f.boxes.Begun == 0 {
			t.Errorf("%s: %d of %d were answered: %q", f.name, f.boxes.Answered, f.boxes.Begun, f.boxes.Failed)
		}
		if f.open > openMost {
			t.Errorf("%s: the appliance has %d files open", f.name, f.open)
		}
		if f.memory > memoryMost {
			t.Errorf("%s: %d KiB", f.name, f.memory)
		}
	}
}
