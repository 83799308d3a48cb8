package installer

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/plan"
)

// An installedKernel is a kernel of the installed system with its initrd, as names in
// /boot.
type installedKernel struct{ version, image, initrd string }

// findKernels pairs kernels and initrds as Debian's family names them, the
// newest first; nil without one, or when the system describes its menu
// otherwise.
func findKernels(boot []string) []installedKernel {
	var out []installedKernel
	for _, name := range boot {
		version, ok := strings.CutPrefix(name, "vmlinuz-")
		if !ok {
			continue
		}
		for _, initrd := range []string{"initrd.img-" + version, "initramfs-" + version + ".img"} {
			if slices.Contains(boot, initrd) {
				out = append(out, installedKernel{version, name, initrd})
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b installedKernel) int { return kernel.CompareNames(b.version, a.version) })
	return out
}

// kernelsIn are those of an installed system.
func kernelsIn(root *os.Root) ([]installedKernel, error) {
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

// grubMenu is the first /boot/grub/grub.cfg. grub-mkconfig would make much the
// same, in hundreds of processes: 24 s of an install of 54 on a slow machine. It
// does so when the system gets its next kernel, from the same settings.
func grubMenu(b plan.BootLoader, place plan.BootPlace, kernels []installedKernel) string {
	var s strings.Builder
	s.WriteString("# written by rackhand-installer; update-grub overwrites it\n")
	if unit, speed, ok := plan.SerialConsole(b.Append); ok {
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
