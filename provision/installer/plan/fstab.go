package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// fstabFile is /etc/fstab, by UUID, in the order in which things are mounted.
func fstabFile(parts []Content) string {
	var b strings.Builder
	b.WriteString("# written by rackhand-installer from the Kickstart\n")
	for _, p := range inMountOrder(parts) {
		kind, opts, pass := p.FS, "defaults", 2
		switch {
		case p.FS == "xfs": // fsck.xfs does nothing: xfs mends itself when it is mounted
			pass = 0
		case p.Mount == "/":
			opts, pass = "errors=remount-ro", 1
		case p.FS == "efi":
			kind, opts, pass = "vfat", "umask=0077", 1
		}
		if p.Options != "" {
			opts = p.Options
		}
		fmt.Fprintf(&b, "UUID=%s\t%s\t%s\t%s\t0\t%d\n", p.UUID, p.Mount, kind, opts, pass)
	}
	for _, p := range parts {
		if p.FS == "swap" {
			fmt.Fprintf(&b, "UUID=%s\tnone\tswap\t%s\t0\t0\n", p.UUID, cmp.Or(p.Options, "sw"))
		}
	}
	return b.String()
}

// inMountOrder are the partitions that are mounted, outer ones first.
func inMountOrder(parts []Content) []Content {
	out := slices.DeleteFunc(slices.Clone(parts), func(p Content) bool { return !p.mounted() })
	depth := func(p Content) int {
		if p.Mount == "/" {
			return 0
		}
		return strings.Count(p.Mount, "/")
	}
	slices.SortStableFunc(out, func(a, b Content) int { return cmp.Compare(depth(a), depth(b)) })
	return out
}
