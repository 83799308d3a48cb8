package preview

import (
	"strings"

	"rackhand/inventory"
	"rackhand/templates/kickstart"
)

// disksOf are the disks that the inventory gives a host: its disk, and those of the
// shipped templates' variable disks; as the kernel names them where that is how they
// are written.
func disksOf(h *inventory.Host) []string {
	var out []string
	add := func(v any) {
		if name, ok := v.(string); ok && name != "" {
			out = append(out, strings.TrimPrefix(name, "/dev/"))
		}
	}
	add(h.Disk)
	switch v := h.Variables["disks"].(type) {
	case []any:
		for _, name := range v {
			add(name)
		}
	default:
		add(v)
	}
	return out
}

// allDisks are the disks of all hosts.
func allDisks(snap *inventory.Snapshot) map[string]bool {
	all := map[string]bool{}
	for _, h := range snap.Hosts {
		for _, name := range disksOf(h) {
			all[name] = true
		}
	}
	return all
}

// strangeDisks warns of disks in a host's Kickstart that no host has, usually a mistake. It
// can't tell if the inventory lets the installer choose the disk, or names it by its serial
// number.
func (r *dryRun) strangeDisks(h *inventory.Host, text string) []*kickstart.Problem {
	if !kickstart.KernelDisk(h.Disk) {
		return nil
	}
	f, err := kickstart.ParseFor(h.Kickstart, []byte(text), kickstart.Release(h.System.Release))
	if err != nil {
		return nil // reported already
	}
	var out []*kickstart.Problem
	for _, w := range kickstart.Disks(f, kickstart.Release(h.System.Release)) {
		if !r.disks[w.Text] {
			out = append(out, &kickstart.Problem{
				File: h.Kickstart, Pos: w.Pos, Severity: kickstart.Warning,
				Message: "no host has a disk " + w.Text,
				Hint:    "correct it, or tell the inventory: disk: of a host, or the variable disks",
			})
		}
	}
	return out
}
