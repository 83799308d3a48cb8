package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// leftovers are files of a build that no host must inherit: this machine's mirror and
// resolver, secrets that every host makes for itself, and logs and caches that differ from
// build to build.
func leftovers() []string {
	return []string{
		"etc/apt/sources.list", "etc/apt/sources.list.d/*", "etc/apt/apt.conf.d/99mmdebstrap",
		"etc/apt/preferences.d/50rackhand-build",
		"etc/resolv.conf", "etc/hostname", "etc/hosts",
		"etc/ssh/ssh_host_*", "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret",
		"var/lib/dbus/machine-id", "etc/.pwd.lock", "etc/*-", "run/*", "tmp/*", "var/tmp/*",
		"var/log/*.log", "var/log/apt/*", "var/lib/apt/lists/*", "var/cache/apt/*",
		"var/cache/ldconfig/*", "var/cache/debconf/*-old", "var/lib/dpkg/*-old", "var/lib/dpkg/lock*",
		"var/lib/dpkg/triggers/Lock", "root/.*_history", "boot/*.old", "initrd.img.old", "vmlinuz.old",
		// apt's own timers would hold dpkg's lock while the agent converges the host at
		// its first boot. They are disabled, not masked: systemctl enable brings them back.
		"etc/systemd/system/timers.target.wants/apt-daily.timer",
		"etc/systemd/system/timers.target.wants/apt-daily-upgrade.timer",
		// Only for ext4 on LVM, and a slow start of nothing else.
		"etc/systemd/system/timers.target.wants/e2scrub_all.timer",
		"etc/systemd/system/multi-user.target.wants/e2scrub_reap.service",
	}
}

// rpmLeftovers are the same of dnf.
func rpmLeftovers() []string {
	return []string{
		"var/log/dnf*", "var/log/hawkey.log", "var/cache/dnf", "var/cache/libdnf*", "var/lib/dnf/*",
		oldDatabase + "/.rpm.lock", newDatabase + "/.rpm.lock", oldDatabase + "/.*.lock", newDatabase + "/.*.lock",
	}
}

// writeMode writes a file that goes into an image. It has the given mode, regardless of the
// umask.
func writeMode(path string, data []byte, mode os.FileMode) error {
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// mkdirs makes a folder of a root and those above it, readable for all users regardless of
// the umask.
func mkdirs(root, name string) error {
	dir := filepath.Join(root, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for ; len(dir) >= len(root); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// finish makes a fresh root fit for many hosts.
func finish(root string, r Recipe) error {
	for _, pattern := range append(leftovers(), rpmLeftovers()...) {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := os.RemoveAll(n); err != nil {
				return fmt.Errorf("clean the root: %w", err)
			}
		}
	}
	for _, f := range []struct {
		name, text string
		mode       os.FileMode
	}{
		// Empty, not absent: systemd then makes one at the first boot without taking
		// that for a first boot, where it would reset which units are enabled.
		{"etc/machine-id", "", 0o444},
		{"etc/hostname", "localhost\n", 0o644},
		{"etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n", 0o644},
		{"etc/resolv.conf", "", 0o644},
		{"etc/fstab", "# The installer writes this file.\n", 0o644},
		{"etc/network/interfaces", "# The installer adds this host's interfaces below interfaces.d.\nauto lo\niface lo inet loopback\n\nsource /etc/network/interfaces.d/*\n", 0o644},
	} {
		path := filepath.Join(root, f.name)
		if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
			continue // a system without ifupdown
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clean the root: %w", err)
		}
		if err := writeMode(path, []byte(f.text), f.mode); err != nil {
			return fmt.Errorf("finish the root: %w", err)
		}
	}
	if r.distro().format == rpm {
		return finishRPM(root)
	}
	if r.Distribution == "ubuntu" {
		// Its resolver keeps this file itself; an empty one of ours would be believed.
		name := filepath.Join(root, "etc/resolv.conf")
		if err := errors.Join(os.Remove(name), os.Symlink("../run/systemd/resolve/stub-resolv.conf", name)); err != nil {
			return fmt.Errorf("finish the root: %w", err)
		}
	}
	// dpkg keeps to the same exclusions on the host.
	err := os.Rename(filepath.Join(root, "etc/dpkg/dpkg.cfg.d/99mmdebstrap"), filepath.Join(root, "etc/dpkg/dpkg.cfg.d/rackhand"))
	if err != nil {
		return fmt.Errorf("finish the root: %w", err)
	}
	return nil
}

// finishRPM has SELinux, where it is installed, label the files at the first boot:
// this machine can't.
func finishRPM(root string) error {
	if _, err := os.Stat(filepath.Join(root, "etc/selinux/config")); err != nil {
		return nil
	}
	if err := writeMode(filepath.Join(root, ".autorelabel"), nil, 0o644); err != nil {
		return fmt.Errorf("finish the root: %w", err)
	}
	return nil
}
