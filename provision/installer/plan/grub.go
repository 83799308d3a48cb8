package plan

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// planGRUB are the steps that make the system boot. GRUB is installed for every kind of
// firmware that has a partition, so that a box may be switched over later.
func planGRUB(b BootLoader, uefi bool, p *diskPlan) ([]Step, error) {
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
	steps := []Step{FileStep{Path: "/etc/default/grub.d/rackhand.cfg", Mode: 0o644, Text: grubDefaults(b)}}
	for _, d := range disks {
		if bios {
			steps = append(steps, GRUBStep{Target: "i386-pc", Device: "/dev/" + d.Name})
		}
	}
	if efi {
		steps = append(steps, GRUBStep{Target: "x86_64-efi"})
	}
	return append(steps, GRUBConfigStep{Boot: b, Place: p.bootPlace()}), nil
}

var serialArg = regexp.MustCompile(`(?:^|\s)console=ttyS([0-3])(?:,(\d+))?`)

// grubDefaults is a file that grub-mkconfig sources. When the kernel has a serial console,
// GRUB uses it too.
func grubDefaults(b BootLoader) string {
	var s strings.Builder
	s.WriteString("# written by rackhand-installer from the Kickstart's bootloader line\n")
	fmt.Fprintf(&s, "GRUB_CMDLINE_LINUX_DEFAULT=\nGRUB_CMDLINE_LINUX=%s\n", shellQuote(b.Append))
	fmt.Fprintf(&s, "GRUB_TIMEOUT=%d\n", b.Timeout)
	if unit, speed, ok := SerialConsole(b.Append); ok {
		fmt.Fprintf(&s, "GRUB_TERMINAL='console serial'\nGRUB_SERIAL_COMMAND='serial --unit=%s --speed=%s'\n", unit, speed)
	}
	return s.String()
}

// SerialConsole finds the serial console in the kernel's arguments, which has 9600 baud
// unless they say otherwise.
func SerialConsole(args string) (unit, speed string, ok bool) {
	m := serialArg.FindStringSubmatch(args)
	if m == nil {
		return "", "", false
	}
	return m[1], cmp.Or(m[2], "9600"), true
}
