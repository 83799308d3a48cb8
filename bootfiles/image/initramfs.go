package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// programs are the programs that the initramfs takes from the root, beside busybox: for the
// installer, for a Kickstart's %pre, and for a person on the console.
func programs() []string {
	return []string{
		"usr/bin/busybox",
		"usr/sbin/mke2fs", "usr/sbin/mkfs.ext4", "usr/sbin/mkfs.vfat", "usr/sbin/mkfs.fat", "usr/sbin/mkswap",
		"usr/sbin/wipefs", "usr/sbin/blkid", "usr/sbin/sfdisk", "usr/bin/lsblk",
		"usr/sbin/mkfs.xfs", "usr/sbin/mdadm", "usr/sbin/lvm",
	}
}

// fillTools gathers the programs of the installer's initramfs out of a root.
// applets are the names that busybox answers to; the root's own programs win.
func fillTools(t *tree, applets []string) error {
	for _, l := range mergedLinks() {
		t.link(l, "usr/"+l)
		t.dir("usr/" + l)
	}
	for _, d := range []string{"dev", "proc", "sys", "run", "tmp", "etc", "root", "mnt/sysimage"} {
		t.dir(d)
	}
	// The kernel opens /dev/console for /init before anything is mounted.
	t.put(entry{Name: "dev/console", Mode: modeChar | 0o600, Major: 5, Minor: 1})
	t.put(entry{Name: "dev/null", Mode: modeChar | 0o666, Major: 1, Minor: 3})
	for _, p := range programs() {
		if err := t.program(p); err != nil {
			return err
		}
	}
	if _, err := t.copyFile("etc/mke2fs.conf"); err != nil {
		return fmt.Errorf("take mke2fs's settings from the root: %w", err)
	}
	for _, a := range applets {
		if a == "busybox" || strings.ContainsAny(a, "/\x00") || t.has("usr/bin/"+a) || t.has("usr/sbin/"+a) {
			continue
		}
		t.link("usr/bin/"+a, "busybox")
	}
	// A few names under which scripts look for them with a full path.
	for _, a := range []string{"modprobe", "insmod", "reboot", "poweroff", "udhcpc", "ip", "blockdev", "swapon", "losetup"} {
		if slices.Contains(applets, a) && !t.has("usr/sbin/"+a) {
			t.link("usr/sbin/"+a, "../bin/busybox")
		}
	}
	return nil
}

func (t *tree) has(name string) bool { _, ok := t.entries[name]; return ok }

// fillModules takes the kernel modules, uncompressed as the kernel wants them, and
// their indexes. The indexes also name modules that aren't there. Loading such a module by
// modalias fails, and the loader continues.
func fillModules(t *tree, kernel string) error {
	dir := path.Join("usr/lib/modules", kernel)
	text, err := t.root.ReadFile(path.Join(dir, "modules.dep"))
	if err != nil {
		return fmt.Errorf("read the kernel's module list: %w", err)
	}
	deps, err := modulesDep(string(text))
	if err != nil {
		return err
	}
	picked, err := moduleClosure(deps, moduleWanted)
	if err != nil {
		return err
	}
	if len(picked) == 0 {
		return errors.New("the kernel's module list has no module that an installer needs")
	}
	var kept strings.Builder
	for _, m := range picked {
		if err := t.copyLater(path.Join(dir, m)); err != nil {
			return fmt.Errorf("take a module from the root: %w", err)
		}
		fmt.Fprintf(&kept, "%s:", m)
		for _, d := range deps[m] {
			kept.WriteString(" " + d)
		}
		kept.WriteString("\n")
	}
	t.file(path.Join(dir, "modules.dep"), 0o644, []byte(kept.String()))
	names := map[string]bool{}
	for _, m := range picked {
		names[strings.ReplaceAll(moduleName(m), "-", "_")] = true
	}
	for _, index := range []string{"modules.alias", "modules.softdep", "modules.symbols", "modules.builtin", "modules.order", "modules.builtin.modinfo"} {
		data, err := t.root.ReadFile(path.Join(dir, index))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("take %s from the root: %w", index, err)
		}
		if index == "modules.alias" || index == "modules.symbols" {
			data = keepAliases(data, names)
		}
		t.file(path.Join(dir, index), 0o644, data)
	}
	return t.takeFirmware(dir, picked)
}

// keepAliases keeps the lines ("alias PATTERN MODULE") whose module is picked.
func keepAliases(data []byte, names map[string]bool) []byte {
	var kept strings.Builder
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) == 3 && names[strings.ReplaceAll(f[2], "-", "_")] {
			kept.WriteString(line)
		}
	}
	return []byte(kept.String())
}

// writeSegment writes entries as one compressed archive. The kernel unpacks
// archives that follow each other one after the other, the later over the
// earlier; Debian's reads zstd (CONFIG_RD_ZSTD) with a window of at most 128 MB.
func writeSegment(w io.Writer, entries []entry) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if err := writeCPIO(z, entries); err != nil {
		return err
	}
	return z.Close()
}

// writeBase makes folder/initrd.base: the installer's initramfs, all but /init. Its
// programs come from the folder tools, the kernel's modules from the folder modules,
// their firmware from the folder firmware; all three may be the root.
func writeBase(folder, tools, modules, firmware, kernel string, applets []string) error {
	r, err := os.OpenRoot(tools)
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := os.OpenRoot(modules)
	if err != nil {
		return err
	}
	defer m.Close()
	f, err := os.OpenRoot(firmware)
	if err != nil {
		return err
	}
	defer f.Close()
	t := newTree(r)
	if err := fillTools(t, applets); err != nil {
		return fmt.Errorf("make the initramfs: %w", err)
	}
	t.root, t.firmware = m, f
	if err := fillModules(t, kernel); err != nil {
		return fmt.Errorf("make the initramfs: %w", err)
	}
	out, err := os.Create(filepath.Join(folder, BaseFile))
	if err != nil {
		return err
	}
	defer out.Close()
	if err := writeSegment(out, t.sorted()); err != nil {
		return fmt.Errorf("make the initramfs: %w", err)
	}
	return out.Close()
}

// writeInitrd makes folder/initrd.img: a copy of the base at basePath, then a segment with
// the installer as /init.
func writeInitrd(folder, basePath string, installer []byte) error {
	if len(installer) == 0 {
		return errors.New("make the initrd: the installer is empty; build rackhand with its payload")
	}
	loader, libraries, err := elfNeeds(installer)
	if err != nil {
		return fmt.Errorf("make the initrd: the installer: %w", err)
	}
	if loader != "" || len(libraries) > 0 {
		return fmt.Errorf("make the initrd: the installer isn't static (it asks for %s %v): build it with CGO_ENABLED=0", loader, libraries)
	}
	base, err := os.Open(basePath)
	if err != nil {
		return err
	}
	defer base.Close()
	f, err := os.Create(filepath.Join(folder, InitrdFile))
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.Copy(f, base)
	if err != nil {
		return fmt.Errorf("make the initrd: %w", err)
	}
	// The kernel wants the next segment on a multiple of 4.
	if err := pad(f, n); err != nil {
		return err
	}
	if err := writeSegment(f, []entry{{Name: "init", Mode: modeFile | 0o755, Data: installer}}); err != nil {
		return fmt.Errorf("make the initrd: %w", err)
	}
	return f.Close()
}
