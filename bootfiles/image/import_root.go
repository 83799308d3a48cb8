package image

import (
	"archive/tar"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// checkRoot: a root has a shell, for the processor that images are for.
func (t *rootTar) checkRoot() error {
	sh, err := t.open("bin/sh")
	if err != nil {
		return errors.New("it has no /bin/sh, so it is not a root file system: make the tar with `tar -C ROOT -c .`")
	}
	f, err := elf.NewFile(sh)
	if err != nil {
		return nil // a script for a shell elsewhere
	}
	if f.Machine != elf.EM_X86_64 {
		return fmt.Errorf("its programs are for %v, and images are for %s so far", f.Machine, arch)
	}
	return nil
}

// system reads os-release(5): the distribution and its release.
func (t *rootTar) system() (distribution, release string) {
	f, err := t.open("etc/os-release")
	if err != nil {
		return "", ""
	}
	data, err := readBounded(f, 64<<10)
	if err != nil {
		return "", ""
	}
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if key, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			if v = strings.Trim(v, `"'`); wordForm.MatchString(v) && len(v) < 64 {
				values[key] = v
			}
		}
	}
	if release = values["VERSION_CODENAME"]; release == "" || strings.Contains(release, "/") {
		release = values["VERSION_ID"]
	}
	return values["ID"], release
}

// bootable picks the kernel of a root (the zero value without a kernel), and returns the
// reasons why a disk with this root could not boot.
func (t *rootTar) bootable(version string) (k kernel, missing []string, err error) {
	list, err := findKernels(t.glob)
	if err != nil {
		return kernel{}, nil, err
	}
	var versions []string
	for _, one := range list {
		versions = append(versions, one.Version)
		if one.Version == version || len(list) == 1 && version == "" {
			k = one
		}
	}
	switch {
	case len(list) > 0 && k.Version == "" && version == "":
		return kernel{}, nil, fmt.Errorf("the root has %d kernels: choose the one that starts the installer with --kernel %s", len(list), strings.Join(versions, ", or "))
	case k.Version == "" && version != "":
		return kernel{}, nil, fmt.Errorf("the root has no kernel %s; it has: %s", version, strings.Join(append(versions, "none")[:max(1, len(versions))], ", "))
	case k.Version == "":
		missing = append(missing, "it has no kernel (neither /boot/vmlinuz-VERSION nor /lib/modules/VERSION/vmlinuz)")
	default:
		if !strings.HasPrefix(k.Image, "boot/") {
			missing = append(missing, "its kernel isn't in /boot, where a boot loader looks")
		}
		if k.Initrd == "" {
			missing = append(missing, "its kernel "+k.Version+" has no initrd in /boot")
		}
	}
	if !slices.ContainsFunc([]string{"usr/sbin/grub-install", "usr/sbin/grub2-install", "sbin/grub-install", "sbin/grub2-install", "usr/bin/grub-install"}, t.has) {
		missing = append(missing, "it has neither grub-install nor grub2-install")
	} else if !t.has("usr/lib/grub/i386-pc/normal.mod") && !t.has("usr/lib/grub/x86_64-efi/normal.mod") {
		missing = append(missing, "it has no modules of GRUB, for neither BIOS nor UEFI")
	}
	return k, missing, nil
}

// packages reads what the root's package manager knows, and says which one it is.
func (t *rootTar) packages(ctx context.Context, work string) (list []Package, format string, err error) {
	if f, err := t.open("var/lib/dpkg/status"); err == nil {
		list, err := parseStatus(f)
		return list, deb, err
	}
	// rpm reads files: its database, and no other of the root's.
	folder := filepath.Join(work, "rpm")
	for _, dir := range []string{newDatabase, oldDatabase} {
		names, err := t.glob(dir + "/*")
		if err != nil {
			return nil, "", err
		}
		for _, name := range names {
			if err := t.copyOut(name, filepath.Join(folder, dir, path.Base(name)), maxRPMFile); err != nil {
				return nil, "", err
			}
		}
	}
	db := rpmFolder(folder)
	if db == "" {
		return nil, deb, nil
	}
	list, err = readRPM(ctx, db)
	return list, rpm, err
}

// copyOut writes a file of the root's, of most bytes at most, to one of this machine's.
func (t *rootTar) copyOut(name, to string, most int64) error {
	in, err := t.open(name)
	if err != nil {
		return err
	}
	if in.Size() > most {
		return fmt.Errorf("the root's /%s has %d MiB, and %d at most are believed", name, in.Size()>>20, most>>20)
	}
	if err := t.copying(in.Size()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return writeNew(to, in)
}

// copyModules writes a kernel's modules to a folder, as usr/lib/modules/VERSION,
// and the firmware beside them.
func (t *rootTar) copyModules(version, to string) error {
	r := "usr/lib/modules/" + version
	if !t.has(r + "/modules.dep") {
		if r = "lib/modules/" + version; !t.has(r + "/modules.dep") {
			return fmt.Errorf("the root's kernel has no list of modules (/lib/modules/%s/modules.dep): run depmod %[1]s in the root", version)
		}
	}
	// Written through a handle that can't leave the folder, for any name.
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	out, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, dir := range [][2]string{{r, "usr/lib/modules/" + version}, {strings.Split(r, "/modules/")[0] + "/firmware", "usr/lib/firmware"}} {
		real, _ := t.find(dir[0])
		for name, n := range t.entries {
			rest, ok := strings.CutPrefix(name, real+"/")
			if !ok {
				continue
			}
			if err := t.putInto(out, path.Join(dir[1], rest), n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *rootTar) putInto(out *os.Root, name string, n *rootNode) error {
	if n.head.Typeflag != tar.TypeReg && n.head.Typeflag != tar.TypeSymlink {
		return nil
	}
	if err := out.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if n.head.Typeflag == tar.TypeSymlink {
		return out.Symlink(n.head.Linkname, name)
	}
	if err := t.copying(n.head.Size); err != nil {
		return err
	}
	f, err := out.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Chmod(0o644); err != nil { // regardless of the umask
		return err
	}
	if _, err := io.Copy(f, io.NewSectionReader(t.spool, n.at, n.head.Size)); err != nil {
		return err
	}
	return f.Close()
}

// strip takes out of a root what no two hosts may share, and has a system without a
// way of its own make its SSH host keys at the first boot. It answers with what it
// took out.
func (t *rootTar) strip() ([]string, error) {
	var gone []string
	for _, name := range t.names() {
		for _, pattern := range []string{
			"etc/ssh/ssh_host_*_key", "etc/ssh/ssh_host_*_key.pub", "var/lib/systemd/random-seed",
			"var/lib/systemd/credential.secret", "var/lib/dbus/machine-id", "var/lib/NetworkManager/secret_key",
			// A root that was taken from a host of ours: its agent would speak for that host.
			"var/lib/rackhand-agent/*", "etc/rackhand/enrol-token",
		} {
			if ok, err := path.Match(pattern, name); err != nil {
				return nil, err
			} else if ok {
				delete(t.entries, name)
				gone = append(gone, "/"+name)
			}
		}
	}
	systemd := t.has("usr/lib/systemd/systemd") || t.has("lib/systemd/systemd")
	if systemd {
		// Empty, not absent, as finish says.
		if n := t.entries["etc/machine-id"]; n != nil && n.head.Size > 0 {
			gone = append(gone, "/etc/machine-id")
		}
		if err := t.put("etc/machine-id", 0o444, ""); err != nil {
			return nil, err
		}
	}
	own := t.has("usr/lib/systemd/system/sshd-keygen@.service") || t.has("lib/systemd/system/sshd-keygen@.service")
	const unit = "etc/systemd/system/rackhand-ssh-keys.service"
	if !t.has("usr/sbin/sshd") || !systemd || own || t.entries[unit] != nil {
		return gone, nil
	}
	text, err := overlay.ReadFile("overlay/" + unit)
	if err != nil {
		return nil, err
	}
	if err := t.put(unit, 0o644, string(text)); err != nil {
		return nil, err
	}
	t.link("etc/systemd/system/multi-user.target.wants/rackhand-ssh-keys.service", "/"+unit)
	return gone, t.checkParents()
}
