package image

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// Processor is the one that images are for so far, in Debian's word.
	Processor = "amd64"
	arch      = Processor
	// releaseEpoch is the time that every file bears which no package brought as it is
	// (2023-06-10, bookworm's release, in Unix seconds), so that a build tomorrow
	// makes the same bytes from the same packages.
	releaseEpoch = 1686355200
)

// packages are the packages of a Debian root beside apt and the essential ones.
// [Recipe.packages] has the differences of other distributions.
func packages() []string {
	return []string{
		// usr-is-merged stands in for usrmerge, which brings 50 MB of Perl; the
		// overlay pins the other away while the root is made.
		"usr-is-merged",
		// It boots on BIOS and UEFI. The cloud kernel lacks the drivers of
		// real boxes.
		"linux-image-amd64", "initramfs-tools", "zstd", "systemd-sysv", "udev", "kmod",
		"grub2-common", "grub-pc-bin", "grub-efi-amd64-bin",
		// It has disks, a network and a way in.
		"e2fsprogs", "xfsprogs", "dosfstools", "fdisk", "lvm2", "mdadm", "iproute2", "iputils-ping", "ifupdown",
		"isc-dhcp-client", "netbase", "openssh-server", "passwd",
		// It trusts what it should, and knows what time it is where.
		"ca-certificates", "debian-archive-keyring", "tzdata",
		// The initramfs takes its shell from here.
		"busybox-static",
	}
}

// excludes are the paths that dpkg leaves out in the image: documentation, and modules for
// hardware that no server has. They stay in /etc/dpkg/dpkg.cfg.d/rackhand, so they also
// hold on the host. The modules make 170 of 400 MB.
func excludes() []string {
	paths := []string{"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*", "/usr/share/bug/*"}
	for _, m := range []string{
		"sound", "drivers/media", "drivers/net/wireless", "drivers/bluetooth", "drivers/staging",
		"drivers/gpu/drm/amd", "drivers/gpu/drm/nouveau", "drivers/gpu/drm/radeon", "drivers/gpu/drm/i915",
		"drivers/iio", "drivers/comedi", "drivers/isdn", "drivers/input/joystick", "drivers/input/touchscreen",
		"drivers/input/tablet", "drivers/pcmcia", "drivers/parport", "net/bluetooth", "net/mac80211", "net/wireless", "net/nfc",
	} {
		// As packages have it up to bookworm, and since.
		paths = append(paths, "/lib/modules/*/kernel/"+m+"/*", "/usr/lib/modules/*/kernel/"+m+"/*")
	}
	// A test of the kernel's own, 5 MB.
	return append(paths, "/lib/modules/*/kernel/lib/test_bpf.ko*", "/usr/lib/modules/*/kernel/lib/test_bpf.ko*")
}

// A Package is an installed package. Source and its version are those of the
// source package, "" when they are the same.
type Package struct{ Name, Version, Arch, Source, SourceVersion string }

// parseStatus reads dpkg's status database (/var/lib/dpkg/status) for what is
// installed, in order of name.
func parseStatus(r io.Reader) ([]Package, error) {
	var (
		list      []Package
		p         Package
		installed bool
	)
	flush := func() {
		if installed && p.Name != "" {
			list = append(list, p)
		}
		p, installed = Package{}, false
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "":
			flush()
		case "Package":
			p.Name = value
		case "Version":
			p.Version = value
		case "Architecture":
			p.Arch = value
		case "Source":
			p.Source, p.SourceVersion, _ = strings.Cut(value, " ")
			p.SourceVersion = strings.Trim(p.SourceVersion, "()")
		case "Status":
			installed = strings.HasSuffix(value, " installed")
		}
	}
	flush()
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read dpkg's status: %w", err)
	}
	slices.SortFunc(list, func(a, b Package) int { return compareNames(a.Name+" "+a.Arch, b.Name+" "+b.Arch) })
	return list, nil
}

// writePackages writes packages.txt: name, version, architecture, one a line.
func writePackages(w io.Writer, list []Package) error {
	for _, p := range list {
		if _, err := fmt.Fprintf(w, "%s %s %s\n", p.Name, p.Version, p.Arch); err != nil {
			return err
		}
	}
	return nil
}
