package installer

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// planGRUB are the steps that make the system boot: GRUB for every firmware that
// there is a partition for, whichever booted the installer, so that a box may be
// switched over later.
func planGRUB(b bootConfig, uefi bool, p *diskPlan) ([]Step, error) {
	bios, efi := p.has("biosboot"), p.has("efi")
	disks, err := p.bootDisks(b.Drive)
	if err != nil {
		return nil, err
	}
	switch {
	case uefi && !efi:
		return nil, fmt.Errorf("this machine was booted by UEFI firmware, and the Kickstart has no EFI system partition: add part /boot/efi --fstype=efi --size=128")
	case !uefi && !bios:
		return nil, fmt.Errorf("this machine was booted by BIOS firmware, and the Kickstart has no biosboot partition: add part biosboot --fstype=biosboot --size=1")
	}
	steps := []Step{fileStep{Path: "/etc/default/grub.d/rackhand.cfg", Mode: 0o644, Text: grubDefaults(b)}}
	for _, d := range disks {
		if bios {
			steps = append(steps, grubStep{Target: "i386-pc", Device: "/dev/" + d.Name})
		}
	}
	if efi {
		steps = append(steps, grubStep{Target: "x86_64-efi"})
	}
	return append(steps, grubConfigStep{Boot: b, Place: p.bootPlace()}), nil
}

var serialArg = regexp.MustCompile(`(?:^|\s)console=ttyS([0-3])(?:,(\d+))?`)

// grubDefaults is sourced by grub-mkconfig. With a serial console for the kernel
// GRUB speaks there too: nobody looks at the screen of a box in a rack.
func grubDefaults(b bootConfig) string {
	var s strings.Builder
	s.WriteString("# written by rackhand-installer from the Kickstart's bootloader line\n")
	fmt.Fprintf(&s, "GRUB_CMDLINE_LINUX_DEFAULT=\nGRUB_CMDLINE_LINUX=%s\n", shellQuote(b.Append))
	fmt.Fprintf(&s, "GRUB_TIMEOUT=%d\n", b.Timeout)
	if unit, speed, ok := serialOf(b.Append); ok {
		fmt.Fprintf(&s, "GRUB_TERMINAL='console serial'\nGRUB_SERIAL_COMMAND='serial --unit=%s --speed=%s'\n", unit, speed)
	}
	return s.String()
}

// serialOf finds the serial console in the kernel's arguments. The kernel's own
// default speed is 9600.
func serialOf(args string) (unit, speed string, ok bool) {
	m := serialArg.FindStringSubmatch(args)
	if m == nil {
		return "", "", false
	}
	return m[1], cmp.Or(m[2], "9600"), true
}
