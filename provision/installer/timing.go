package installer

import (
	"fmt"
	"strings"
	"time"
)

// timingTable lists what took a tenth of a second or more, in order, with the times of one
// name added up.
func timingTable(timings []timing) string {
	var (
		names []string
		sum   = map[string]time.Duration{}
		total time.Duration
	)
	for _, t := range timings {
		name := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(t.what, "plan."), "Step"))
		if _, ok := sum[name]; !ok {
			names = append(names, name)
		}
		sum[name] += t.took
		total += t.took
	}
	var b strings.Builder
	b.WriteString("where the time went:\n")
	for _, n := range names {
		if sum[n] >= 100*time.Millisecond {
			fmt.Fprintf(&b, "  %-18s %6.1f s\n", n, sum[n].Seconds())
		}
	}
	fmt.Fprintf(&b, "  %-18s %6.1f s", "all", total.Seconds())
	return b.String()
}
