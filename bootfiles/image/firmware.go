package image

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// firmwareDir is where the kernel looks for firmware (firmware_class, request_firmware),
// in the root and in the initramfs.
const firmwareDir = "usr/lib/firmware"

const (
	maxModuleFile = 256 << 20 // bytes of one module
	maxFirmware   = 64 << 20  // bytes of all the firmware that goes into the initramfs
)

// moduleFirmware lists the firmware files that a module, uncompressed, says it may
// ask for (modinfo(8): firmware), as paths below /lib/firmware.
func moduleFirmware(module []byte) ([]string, error) {
	if !bytes.HasPrefix(module, []byte(elf.ELFMAG)) {
		return nil, nil
	}
	f, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	info := f.Section(".modinfo")
	if info == nil {
		return nil, nil
	}
	data, err := info.Data()
	if err != nil {
		return nil, err
	}
	var list []string
	for field := range bytes.SplitSeq(data, []byte{0}) {
		name, ok := strings.CutPrefix(string(field), "firmware=")
		if ok && fs.ValidPath(name) && name != "." && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list, nil
}

// readModule reads a module's file and what firmware it asks for.
func readModule(root *os.Root, name string) ([]string, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read a module: %w", err)
	}
	defer f.Close()
	data, err := readBounded(f, maxModuleFile)
	if err != nil {
		return nil, fmt.Errorf("read the module %s: %w", name, err)
	}
	list, err := moduleFirmware(data)
	if err != nil {
		return nil, fmt.Errorf("read the module %s: %w", name, err)
	}
	return list, nil
}

// firmwareFile finds a firmware file in a root: as it is, or packed as the kernel
// reads it too (CONFIG_FW_LOADER_COMPRESS); "" when it isn't there.
func firmwareFile(root *os.Root, name string) string {
	for _, ending := range []string{"", ".xz", ".zst"} {
		file := path.Join(firmwareDir, name) + ending
		if info, err := root.Stat(file); err == nil && info.Mode().IsRegular() {
			return file
		}
	}
	return ""
}

// takeFirmware takes the firmware that the picked modules of the folder dir ask for,
// as far as the root has it.
func (t *tree) takeFirmware(dir string, picked []string) error {
	modules, root := t.root, t.root
	if t.firmware != nil {
		root = t.firmware
	}
	// links and files come out of the firmware's root
	t.root = root
	defer func() { t.root = modules }()
	total := 0
	for _, m := range picked {
		list, err := readModule(modules, path.Join(dir, m))
		if err != nil {
			return err
		}
		for _, name := range list {
			file := firmwareFile(root, name)
			if file == "" || t.has(file) {
				continue
			}
			data, err := t.copyFile(file)
			if err != nil {
				return fmt.Errorf("take the firmware %s of the module %s from the root: %w", name, moduleName(m), err)
			}
			if total += len(data); total > maxFirmware {
				return fmt.Errorf("the drivers' firmware takes more than %d MiB: leave packages of firmware out of the image that its boxes don't need", maxFirmware>>20)
			}
		}
	}
	return nil
}

// missingFirmware lists, by driver of the initramfs, the firmware that it may ask
// for and that a root doesn't hold. The modules lie, uncompressed, in the folder
// modules, which may be the root itself.
func missingFirmware(modules, root, kernel string) (map[string][]string, error) {
	m, err := os.OpenRoot(modules)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	dir := path.Join("usr/lib/modules", kernel)
	text, err := m.ReadFile(path.Join(dir, "modules.dep"))
	if err != nil {
		return nil, fmt.Errorf("read the kernel's module list: %w", err)
	}
	deps, err := modulesDep(string(text))
	if err != nil {
		return nil, err
	}
	picked, err := moduleClosure(deps, moduleWanted)
	if err != nil {
		return nil, err
	}
	missing := map[string][]string{}
	for _, file := range picked {
		list, err := readModule(m, path.Join(dir, file))
		if err != nil {
			return nil, err
		}
		for _, name := range list {
			if firmwareFile(r, name) == "" {
				missing[moduleName(file)] = append(missing[moduleName(file)], name)
			}
		}
	}
	return missing, nil
}
