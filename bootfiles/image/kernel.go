package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"rackhand/bootfiles/compressed"
)

// A kernel is one that a root holds. Paths begin at the root, without a slash.
type kernel struct {
	Version string // uname -r
	Image   string // vmlinuz
	Initrd  string // of the installed system; "" without one
}

// findKernels finds the kernels of a root, in order of version. glob lists the
// paths that match a pattern.
func findKernels(glob func(pattern string) ([]string, error)) ([]kernel, error) {
	found := map[string]kernel{}
	for _, place := range []string{"boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz", "lib/modules/*/vmlinuz"} {
		names, err := glob(place)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			version, ok := strings.CutPrefix(name, "boot/vmlinuz-")
			if !ok {
				version = filepath.Base(filepath.Dir(name))
			}
			// Fedora's rescue entry is one of the others under another name.
			if _, ok := found[version]; ok || strings.HasPrefix(version, "0-rescue") {
				continue
			}
			if err := checkVersion(version); err != nil {
				return nil, err
			}
			k := kernel{Version: version, Image: name}
			for _, initrd := range []string{"boot/initrd.img-" + version, "boot/initramfs-" + version + ".img"} {
				if is, err := glob(initrd); err != nil {
					return nil, err
				} else if len(is) > 0 {
					k.Initrd = initrd
				}
			}
			found[version] = k
		}
	}
	list := make([]kernel, 0, len(found))
	for _, k := range found {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b kernel) int { return compareNames(a.Version, b.Version) })
	return list, nil
}

var versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}$`) // utsname(2)

// checkVersion: a kernel's version becomes a part of paths.
func checkVersion(v string) error {
	if !versionForm.MatchString(v) {
		return fmt.Errorf("%q can't be a kernel's version", v)
	}
	return nil
}

// kernelOf finds a fresh root's one kernel.
func kernelOf(root string) (kernel, error) {
	list, err := findKernels(func(pattern string) ([]string, error) {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		for i := range names {
			names[i] = strings.TrimPrefix(names[i], root+"/")
		}
		return names, err
	})
	if err != nil {
		return kernel{}, err
	}
	if len(list) != 1 {
		return kernel{}, fmt.Errorf("the root has %d kernels, and should have one", len(list))
	}
	if list[0].Initrd == "" {
		return kernel{}, fmt.Errorf("the root's kernel %s has no initrd in /boot", list[0].Version)
	}
	return list[0], nil
}

// plainModules answers with a folder in which the modules of a kernel lie
// uncompressed, as an initramfs has them: the root itself, or one that is made in
// the folder work. Distributions pack them with xz or zstd.
func plainModules(root, work, kernel string) (string, error) {
	dir := filepath.Join("usr/lib/modules", kernel)
	r, err := os.OpenRoot(root)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := r.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return "", fmt.Errorf("read the kernel's module list: %w", err)
	}
	plain, packed := unpackedNames(string(text))
	if len(packed) == 0 {
		return root, nil
	}
	deps, err := modulesDep(plain)
	if err != nil {
		return "", err
	}
	picked, err := moduleClosure(deps, moduleWanted)
	if err != nil {
		return "", err
	}
	view := filepath.Join(work, "modules")
	left := int64(maxModules)
	for _, m := range picked {
		from := m
		if p, ok := packed[m]; ok {
			from = p
		}
		if err := unpackFile(r, filepath.Join(dir, from), filepath.Join(view, dir, m), &left); err != nil {
			return "", fmt.Errorf("unpack the module %s: %w", from, err)
		}
	}
	for _, index := range []string{"modules.alias", "modules.softdep", "modules.symbols", "modules.builtin", "modules.order", "modules.builtin.modinfo"} {
		if err := copyInto(r, filepath.Join(dir, index), filepath.Join(view, dir, index)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return view, os.WriteFile(filepath.Join(view, dir, "modules.dep"), []byte(plain), 0o644)
}

// unpackedNames is modules.dep with the names that its modules have once they are
// uncompressed, and those that they had.
func unpackedNames(text string) (plain string, packed map[string]string) {
	packed = map[string]string{}
	var b strings.Builder
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		for i, name := range f {
			colon := ""
			if i == 0 {
				name, colon = strings.TrimSuffix(name, ":"), ":"
			}
			for _, ending := range []string{".xz", ".zst", ".gz"} {
				if p, ok := strings.CutSuffix(name, ending); ok && strings.HasSuffix(p, ".ko") {
					packed[p], name = name, p
				}
			}
			f[i] = name + colon
		}
		b.WriteString(strings.Join(f, " ") + "\n")
	}
	return b.String(), packed
}

// unpackFile unpacks a module; left is the space left for all of them.
func unpackFile(r *os.Root, from, to string, left *int64) error {
	f, err := r.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := compressed.NewReader(f)
	if err != nil {
		return err
	}
	defer z.Close()
	data, err := readBounded(z, min(maxModuleFile, *left))
	if err != nil {
		return err
	}
	*left -= int64(len(data))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return writeMode(to, data, 0o644)
}

func copyInto(r *os.Root, from, to string) error {
	data, err := r.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
