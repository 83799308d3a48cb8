package installer

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// A kernel is a kernel of the installed system with its initrd, as names in
// /boot.
type kernel struct{ version, image, initrd string }

// findKernels pairs kernels and initrds as Debian's family names them, the
// newest first; nil when there is none, or the system describes its menu
// otherwise.
func findKernels(boot []string) []kernel {
	var out []kernel
	for _, name := range boot {
		version, ok := strings.CutPrefix(name, "vmlinuz-")
		if !ok {
			continue
		}
		for _, initrd := range []string{"initrd.img-" + version, "initramfs-" + version + ".img"} {
			if slices.Contains(boot, initrd) {
				out = append(out, kernel{version, name, initrd})
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b kernel) int { return compareVersions(b.version, a.version) })
	return out
}

// kernelsIn are those of an installed system.
func kernelsIn(root *os.Root) ([]kernel, error) {
	entries, err := fs.ReadDir(root.FS(), "boot")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return findKernels(names), nil
}

// compareVersions compares numbers in versions as numbers: 6.1.0-9 < 6.1.0-10.
func compareVersions(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x > 0 && y > 0 {
			m, n := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
			if len(m) != len(n) {
				return len(m) - len(n)
			}
			if c := strings.Compare(m, n); c != 0 {
				return c
			}
			a, b = a[x:], b[y:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// grubMenu is the first /boot/grub/grub.cfg. grub-mkconfig would make much the
// same, in hundreds of processes: 24 s of an install of 54 on a slow machine. It
// does so when the system gets its next kernel, from the same settings.
func grubMenu(b bootConfig, place bootPlace, kernels []kernel) string {
	var s strings.Builder
	s.WriteString("# written by rackhand-installer; update-grub writes it anew\n")
	if unit, speed, ok := serialOf(b.Append); ok {
		fmt.Fprintf(&s, "serial --unit=%s --speed=%s\nterminal_input console serial\nterminal_output console serial\n", unit, speed)
	}
	fmt.Fprintf(&s, "set default=0\nset timeout=%d\ninsmod part_gpt\n", b.Timeout)
	for _, m := range place.Modules {
		fmt.Fprintf(&s, "insmod %s\n", m)
	}
	fmt.Fprintf(&s, "search --no-floppy --fs-uuid --set=root %s\n", place.BootUUID)
	for _, k := range kernels {
		fmt.Fprintf(&s, "menuentry 'Linux %s' {\n", strings.ReplaceAll(k.version, "'", ""))
		fmt.Fprintf(&s, "\tlinux %s/%s root=%s ro %s\n", place.Dir, k.image, place.Root, grubEscape(b.Append))
		fmt.Fprintf(&s, "\tinitrd %s/%s\n}\n", place.Dir, k.initrd)
	}
	return s.String()
}

// grubEscape keeps GRUB's script language from reading the kernel's arguments;
// double quotes mean the same to both.
func grubEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "$", `\$`, ";", `\;`, "|", `\|`, "&", `\&`, "<", `\<`, ">", `\>`, "'", `\'`, "#", `\#`, "{", `\{`, "}", `\}`).Replace(s)
}
