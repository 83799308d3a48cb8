package bench

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// cpuTimes are the processor times since the machine's start, in ticks.
type cpuTimes struct{ idle, all uint64 }

// parseStat reads the first line of /proc/stat (proc_stat(5)): user, nice, system, idle,
// iowait, irq, softirq, steal. user includes the time of guests.
func parseStat(text string) (cpuTimes, error) {
	line, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return cpuTimes{}, fmt.Errorf("/proc/stat begins with %q, want the line cpu", abridged(line))
	}
	var c cpuTimes
	for i, text := range f[1:9] {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return cpuTimes{}, errors.New("/proc/stat: " + abridged(line) + " holds more than numbers")
		}
		c.all += n
		if i == 3 || i == 4 {
			c.idle += n
		}
	}
	return c, nil
}

// busySince is the part of the processors that was in use since an earlier time, 0..1. Time
// that the hypervisor gave to others counts as in use.
func (c cpuTimes) busySince(before cpuTimes) float64 {
	if c.all <= before.all || c.idle < before.idle {
		return 0
	}
	return 1 - float64(c.idle-before.idle)/float64(c.all-before.all)
}

// busyMost is how busy a machine may be with other work before a measurement.
const busyMost = 0.1

// warning is the paragraph above a table that was measured on a busy machine; "" when it
// was idle.
func warning(busy float64) string {
	if busy <= busyMost {
		return ""
	}
	return fmt.Sprintf("**Not to be quoted: other work took %.0f %% of the processors just before this was measured.** Neither rates nor ratios hold then, since the servers are measured one after the other; measure again on a quiet machine.\n\n", 100*busy)
}
