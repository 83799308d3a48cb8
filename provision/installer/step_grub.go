package installer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rackhand/provision/installer/plan"
)

// grubProgram is GRUB's program as Debian or as Red Hat's family calls it.
func (m *machine) grubProgram(name string) (string, error) {
	for _, n := range []string{"grub-" + name, "grub2-" + name} {
		if _, err := findProgram(m.target, n); err == nil {
			return n, nil
		}
	}
	return "", fmt.Errorf("the image has no grub-%s and no grub2-%s: the boot loader can't be installed", name, name)
}

func (m *machine) doGRUB(ctx context.Context, s plan.GRUBStep) error {
	prog, err := m.grubProgram("install")
	if err != nil {
		return err
	}
	m.Con.Printf("%s", s)
	argv := []string{prog, "--target=" + s.Target}
	if s.Target == "i386-pc" {
		return m.inTarget(ctx, "", append(argv, s.Device)...)
	}
	// NVRAM is left alone: a box that boots from the network first stays that way,
	// and firmware finds the removable path when it tries the disk.
	argv = append(argv, "--efi-directory=/boot/efi", "--no-nvram")
	if m.debianGRUB() {
		argv = append(argv, "--force-extra-removable") // shim as well, when it is there
	}
	if err := m.inTarget(ctx, "", argv...); err != nil {
		return err
	}
	return m.inRoot(removablePath)
}

// debianGRUB: Debian's and Ubuntu's grub-install have --force-extra-removable.
func (m *machine) debianGRUB() bool {
	_, err := os.Lstat(m.target + "/etc/debian_version")
	return err == nil
}

// removablePath makes sure of EFI/BOOT/BOOTX64.EFI (UEFI specification 3.5.1.1),
// the path that firmware tries on a disk it has no boot entry for.
func removablePath(root *os.Root) error {
	const esp, want = "boot/efi/EFI", "boot/efi/EFI/BOOT/BOOTX64.EFI"
	if _, err := root.Stat(want); err == nil {
		return nil
	}
	dirs, err := fs.ReadDir(root.FS(), esp)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		from := filepath.Join(esp, d.Name(), "grubx64.efi")
		src, err := root.Open(from)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer src.Close()
		if err := root.MkdirAll(filepath.Dir(want), 0o755); err != nil {
			return err
		}
		dst, err := root.Create(want)
		if err != nil {
			return err
		}
		_, err = io.Copy(dst, src)
		return errors.Join(err, dst.Close())
	}
	return errors.New("grub-install left no EFI/*/grubx64.efi on the EFI system partition")
}

// doGRUBConfig writes the menu itself where the system's grub-mkconfig would write the same.
// Systems that keep entries elsewhere (Boot Loader Specification) run their own program.
func (m *machine) doGRUBConfig(ctx context.Context, s plan.GRUBConfigStep) error {
	prog, err := m.grubProgram("mkconfig")
	if err != nil {
		return err
	}
	m.Con.Printf("grub menu")
	if strings.HasPrefix(prog, "grub2-") {
		return m.inTarget(ctx, "", prog, "-o", "/boot/grub2/grub.cfg")
	}
	done := false
	err = m.inRoot(func(root *os.Root) error {
		kernels, err := kernelsIn(root)
		if err != nil || len(kernels) == 0 {
			return err
		}
		done = true
		return writeFile(root, "/boot/grub/grub.cfg", 0o600, grubMenu(s.Boot, s.Place, kernels))
	})
	if err != nil || done {
		return err
	}
	return m.inTarget(ctx, "", prog, "-o", "/boot/grub/grub.cfg")
}
