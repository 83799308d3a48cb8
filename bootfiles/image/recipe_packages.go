package image

import "slices"

// packages are all that a recipe installs by name, in order.
func (r Recipe) packages() []string {
	var list []string
	if r.distro().format == rpm {
		list = rpmPackages()
	} else {
		list = r.debPackages()
	}
	list = append(list, r.Packages...)
	slices.Sort(list)
	return slices.Compact(list)
}

// debPackages is [packages] as the release has them.
func (r Recipe) debPackages() []string {
	list := packages()
	without := func(names ...string) {
		list = slices.DeleteFunc(list, func(p string) bool { return slices.Contains(names, p) })
	}
	if r.Release == "bullseye" || r.Release == "jammy" {
		without("usr-is-merged") // it came later
	}
	if r.Distribution == "ubuntu" {
		without("linux-image-amd64", "debian-archive-keyring", "ifupdown", "isc-dhcp-client")
		list = append(list, "linux-image-generic", "ubuntu-keyring", "netplan.io")
		if r.Release != "jammy" { // there it is a part of systemd
			list = append(list, "systemd-resolved")
		}
	}
	return list
}

// rpmPackages are the packages of a root of Red Hat's family. SELinux isn't among them: a
// recipe that wants it names selinux-policy-targeted, and the first boot then labels the
// files.
func rpmPackages() []string {
	return []string{
		// It boots on BIOS and UEFI, on any box: dracut's generic
		// configuration keeps drivers that this machine doesn't have.
		"kernel", "dracut", "dracut-config-generic", "systemd", "systemd-udev", "kmod",
		"grub2-tools", "grub2-tools-minimal", "grub2-pc", "grub2-efi-x64", "grub2-efi-x64-modules", "shim-x64",
		// It has disks, a network and a way in.
		"e2fsprogs", "xfsprogs", "dosfstools", "util-linux", "lvm2", "mdadm", "iproute", "iputils",
		"NetworkManager", "openssh-server", "shadow-utils", "hostname",
		// It trusts what it should, knows the time, and can install more.
		"ca-certificates", "tzdata", "chrony", "dnf", "system-release",
	}
}

// toolPackages are the packages of bookworm that [programs] come from, for roots
// that don't have them.
func toolPackages() []string {
	return []string{"busybox-static", "e2fsprogs", "dosfstools", "fdisk", "util-linux", "lvm2", "mdadm", "xfsprogs"}
}
