#!/bin/sh
# Makes tree.iso.gz beside it: a tree in the shape of Rocky Linux 9's DVD. Its kernel,
# initrd and second stage are a few bytes that boot nothing. Needs xorriso.
set -eu
cd "$(dirname "$0")"
tree=$(mktemp -d)
trap 'rm -rf "$tree" tree.iso' EXIT
mkdir -p "$tree/images/pxeboot" "$tree/EFI/BOOT" "$tree/BaseOS/repodata" "$tree/BaseOS/Packages/b" "$tree/AppStream/repodata"
echo 'a kernel, simulated' > "$tree/images/pxeboot/vmlinuz"
echo 'an initrd, simulated' > "$tree/images/pxeboot/initrd.img"
seq 1 20000 > "$tree/images/install.img"
echo '<repomd/>' > "$tree/BaseOS/repodata/repomd.xml"
echo '<repomd></repomd>' > "$tree/AppStream/repodata/repomd.xml"
echo 'a package, simulated' > "$tree/BaseOS/Packages/b/bash-5.1.8-9.el9.x86_64.rpm"
echo 'a shim, simulated' > "$tree/EFI/BOOT/BOOTX64.EFI"
echo 'a GRUB, simulated' > "$tree/EFI/BOOT/grubx64.efi"
echo 'its own menu' > "$tree/EFI/BOOT/grub.cfg"
sum() { printf '%s = sha256:%s\n' "$1" "$(sha256sum "$tree/$1" | cut -d' ' -f1)"; }
{
	echo '[checksums]'
	sum images/pxeboot/vmlinuz
	sum images/pxeboot/initrd.img
	sum images/install.img
	sum BaseOS/repodata/repomd.xml
	printf 'images/boot.iso = sha256:%064d\n' 0
	cat <<-'TREEINFO'

	[general]
	; WARNING.0 = This section provides compatibility with pre-productmd treeinfos.
	arch = x86_64
	family = Rocky Linux
	name = Rocky Linux 9.4
	packagedir = BaseOS/Packages
	platforms = x86_64,xen
	repository = BaseOS
	timestamp = 1714953600
	variant = BaseOS
	variants = AppStream,BaseOS
	version = 9.4

	[header]
	type = productmd.treeinfo
	version = 1.2

	[images-x86_64]
	boot.iso = images/boot.iso
	efiboot.img = images/efiboot.img
	initrd = images/pxeboot/initrd.img
	kernel = images/pxeboot/vmlinuz

	[release]
	name = Rocky Linux
	short = Rocky
	version = 9.4

	[stage2]
	mainimage = images/install.img

	[tree]
	arch = x86_64
	build_timestamp = 1714953600
	platforms = x86_64,xen
	variants = AppStream,BaseOS

	[variant-AppStream]
	id = AppStream
	name = AppStream
	packages = AppStream/Packages
	repository = AppStream
	type = variant
	uid = AppStream

	[variant-BaseOS]
	id = BaseOS
	name = BaseOS
	packages = BaseOS/Packages
	repository = BaseOS
	type = variant
	uid = BaseOS
	TREEINFO
} > "$tree/.treeinfo"
rm -f tree.iso
xorriso -report_about FAILURE -outdev tree.iso -volid Rocky-9-4-x86_64-dvd -padding 0 -map "$tree" /
gzip -9nkf tree.iso
