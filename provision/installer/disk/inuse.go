package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/plan"
)

// Uses lists what uses a disk or one of its partitions: a running array or volume (sysfs
// holders), a mount (proc_pid_mountinfo(5)), swap. sys is /sys, proc is /proc.
func Uses(sys, proc string, d plan.Disk) []string {
	dir := sys + "/block/" + d.Name
	devices := map[string]string{kernel.ReadText(dir + "/dev"): d.Name}
	names := map[string]string{d.Name: dir}
	parts, _ := filepath.Glob(dir + "/" + d.Name + "*/partition")
	for _, p := range parts {
		p = filepath.Dir(p)
		names[filepath.Base(p)] = p
		devices[kernel.ReadText(p+"/dev")] = filepath.Base(p)
	}
	var out []string
	for name, dir := range names {
		holders, _ := os.ReadDir(dir + "/holders")
		for _, h := range holders {
			holder := h.Name()
			if text := kernel.ReadText(sys + "/block/" + holder + "/dm/name"); text != "" {
				holder = text
			}
			out = append(out, fmt.Sprintf("%s is part of %s, which is running", name, holder))
		}
	}
	for line := range strings.Lines(kernel.ReadText(proc + "/self/mountinfo")) {
		f := strings.Fields(line)
		if len(f) > 4 && devices[f[2]] != "" {
			out = append(out, fmt.Sprintf("%s is mounted on %s", devices[f[2]], f[4]))
		}
	}
	for line := range strings.Lines(kernel.ReadText(proc + "/swaps")) {
		if name, _, _ := strings.Cut(strings.TrimPrefix(line, "/dev/"), " "); names[name] != "" {
			out = append(out, name+" is swap in use")
		}
	}
	slices.Sort(out)
	return out
}
