package job

import (
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/report"
)

// A kernelReport holds the errors that the kernel reported during a burn-in.
type kernelReport struct {
	MachineChecks int64 `json:"machine_checks"`
	// Errors of ECC memory, from the EDAC drivers; -1 without such a driver.
	Corrected   int64    `json:"ecc_corrected"`
	Uncorrected int64    `json:"ecc_uncorrected"`
	Hardware    []string `json:"hardware_errors"` // log lines of machine checks, up to 8
	Messages    []string `json:"messages"`        // other log lines of level error and worse, up to 20

	lines []string // the whole log, as far as it was read
}

// readKernel reads the current counters.
func readKernel(root string) kernelReport {
	var r kernelReport
	r.MachineChecks = machineChecks(kernel.ReadText(filepath.Join(root, "proc/interrupts")))
	r.Corrected, r.Uncorrected = -1, -1
	banks, _ := filepath.Glob(filepath.Join(root, "sys/devices/system/edac/mc/mc*"))
	for _, b := range banks {
		r.Corrected = max(r.Corrected, 0) + kernel.ReadInt(b+"/ce_count")
		r.Uncorrected = max(r.Uncorrected, 0) + kernel.ReadInt(b+"/ue_count")
	}
	// SYSLOG_ACTION_READ_ALL (syslog(2)): the last part that fits.
	buf := make([]byte, 1<<20)
	if n, err := unix.Klogctl(3, buf); err == nil {
		r.lines = strings.Split(strings.TrimSpace(string(buf[:n])), "\n")
	}
	return r
}

// machineChecks sums the row "MCE:" of /proc/interrupts.
func machineChecks(text string) int64 {
	var sum int64
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "MCE:" {
			continue
		}
		for _, w := range f[1:] {
			n, err := strconv.ParseInt(w, 10, 64)
			if err != nil {
				break
			}
			sum += n
		}
	}
	return sum
}

// since is the difference from an earlier reading.
func (r kernelReport) since(before kernelReport) kernelReport {
	out := kernelReport{MachineChecks: r.MachineChecks - before.MachineChecks, Corrected: -1, Uncorrected: -1, Hardware: []string{}, Messages: []string{}}
	if r.Corrected >= 0 {
		out.Corrected, out.Uncorrected = r.Corrected-max(before.Corrected, 0), r.Uncorrected-max(before.Uncorrected, 0)
	}
	old := make(map[string]bool, len(before.lines))
	for _, l := range before.lines {
		old[l] = true
	}
	for _, l := range r.lines {
		if old[l] {
			continue
		}
		level, text := kernelLine(l)
		switch {
		case strings.Contains(text, "[Hardware Error]") || strings.Contains(text, "mce: "):
			if len(out.Hardware) < 8 {
				out.Hardware = append(out.Hardware, report.ClipText(text, 200))
			}
		case level >= 0 && level <= 3 && len(out.Messages) < 20: // KERN_ERR and worse
			out.Messages = append(out.Messages, report.ClipText(text, 200))
		}
	}
	return out
}

// kernelLine splits "<3>[   12.345678] text" into level and text; -1 for no level.
func kernelLine(l string) (level int, text string) {
	rest, ok := strings.CutPrefix(l, "<")
	if !ok {
		return -1, l
	}
	number, rest, ok := strings.Cut(rest, ">")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return -1, l
	}
	if _, after, ok := strings.Cut(rest, "] "); ok && strings.HasPrefix(rest, "[") {
		rest = after
	}
	return n & 7, rest
}
