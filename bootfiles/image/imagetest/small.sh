# Makes a root of a third of its size out of an unpacked Debian root.
#
#   small.sh ROOT DEBS
#
# Programs, libraries and systemd stay as they are. What goes is what no test's
# guest uses: drivers for hardware that QEMU doesn't have, texts, Python. The packages
# in the folder DEBS are installed. Runs in a mount namespace of its own.
set -eu
root=$1
debs=$2
cd "$root"
kernel=$(ls usr/lib/modules)
modules=usr/lib/modules/$kernel

mount --bind /proc proc
mount --bind /dev dev
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d # no service starts in here
chmod 755 usr/sbin/policy-rc.d
mkdir debs
cp "$debs"/*.deb debs
chroot . env DEBIAN_FRONTEND=noninteractive sh -c 'dpkg -i debs/*.deb' >debs/log 2>&1 || {
    cat debs/log >&2
    exit 1
}
rm -rf debs usr/sbin/policy-rc.d

# A module stays with all that it depends on.
wanted='virtio.*|nvme.*|ahci|libahci|libata|sd_mod|scsi_mod|e1000e?|ext4|xfs|v?fat|nls_.*|dm-.*|raid[01]|md-mod|bonding|8021q|bridge|nf_.*|nft_.*|nfnetlink|efivarfs|autofs4|binfmt_misc|loop|configfs|dmi-sysfs|qemu_fw_cfg|button|crc.*|libcrc32c'
awk -F: -v wanted="^($wanted)[.]ko\$" '{n = $1; sub(/.*\//, "", n); if (n ~ wanted) print $1 $2}' $modules/modules.dep |
    tr ' ' '\n' | sort -u >keep
while read -r m; do
    mkdir -p "keep.d/${m%/*}"
    mv "$modules/$m" "keep.d/$m"
done <keep
rm -rf $modules/kernel
mv keep.d/kernel $modules/kernel
rm -rf keep keep.d
chroot . depmod "$kernel"

rm -rf usr/share/doc/* usr/share/locale/* usr/share/bash-completion usr/share/zoneinfo/right usr/share/zoneinfo/posix \
    usr/bin/python3* usr/lib/python3* usr/lib/binfmt.d/python3* usr/lib/x86_64-linux-gnu/libicu* usr/lib/x86_64-linux-gnu/gconv \
    usr/lib/udev/hwdb.* usr/lib/grub/x86_64-efi/monolithic usr/bin/grub-mkrescue usr/bin/grub-fstest usr/sbin/grub-macbless

sed -i 's/^MODULES=.*/MODULES=list/' etc/initramfs-tools/initramfs.conf
printf '%s\n' virtio_blk virtio_pci nvme ahci sd_mod crc32c ext4 xfs vfat dm-mod raid0 raid1 >>etc/initramfs-tools/modules
chroot . update-initramfs -u -k "$kernel" >/dev/null
umount proc dev
rm -rf var/cache/apt/*.bin var/log/*.log tmp/*
