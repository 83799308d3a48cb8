package rack

import (
	"crypto/sha256"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	qemuAMD64 = "qemu-system-x86_64"
	qemuARM64 = "qemu-system-aarch64"

	accelKVM = "kvm"
	accelTCG = "tcg"
)

// A machine holds QEMU's arguments for one box.
type machine struct {
	box    BoxOptions
	accel  string   // of amd64 boxes
	taps   []string // a card each
	disks  []string // raw images
	vars   string   // UEFI variables; "" for BIOS
	serial string   // log that is appended to
}

func (m machine) program() string { return m.box.firmware().qemu }

// args is QEMU's command line for one power-on that tries first (BootPXE or
// BootDisk) before the other device, without the disks that are pulled. QMP is
// spoken over file descriptor 3.
func (m machine) args(first string, pulled map[int]bool) []string {
	pxe, disk := 1, 2
	if first == BootDisk {
		pxe, disk = len(m.disks)+1, 1
	}
	a := append([]string{"-name", m.box.Name, "-nodefaults", "-no-user-config"}, m.board()...)
	a = append(a,
		"-smp", strconv.Itoa(m.box.Processors),
		"-m", strconv.Itoa(m.box.MemoryMB),
		"-uuid", uuidFor(m.box.Name),
		"-display", "none",
		// A guest that reboots ends this QEMU; the chassis starts the next one,
		// with the boot order of that moment. The order is fixed for the life of
		// a QEMU, so a one-shot override couldn't be honoured otherwise.
		"-action", "reboot=shutdown",
		"-chardev", "file,id=serial,append=on,path="+comma(m.serial),
		"-serial", "chardev:serial",
		"-chardev", "socket,id=qmp,fd=3",
		"-mon", "chardev=qmp,mode=control",
		"-device", "virtio-rng-pci")
	a = append(a, m.bios()...)
	for i, mac := range m.box.macs() {
		a = append(a, m.card(i, mac, pxe)...)
	}
	if m.box.DiskBus == SATA {
		a = append(a, "-device", "ahci,id=ahci0")
	}
	for i := range m.disks {
		if !pulled[i] {
			a = append(a, m.diskArgs(i, disk+i)...)
		}
	}
	return a
}

// card is network card i; the first one boots, in place pxe of the boot order.
func (m machine) card(i int, mac net.HardwareAddr, pxe int) []string {
	nic := fmt.Sprintf("virtio-net-pci,netdev=net%d,mac=%s", i, mac)
	if i == 0 {
		nic += fmt.Sprintf(",bootindex=%d", pxe)
	}
	if m.box.Firmware == UEFI || i > 0 {
		// Without QEMU's own ROM, iPXE, the card is served by the firmware's PXE stack.
		nic += ",romfile="
		if i == 0 {
			nic += m.box.firmware().rom
		}
	}
	return []string{
		"-netdev", fmt.Sprintf("tap,id=net%d,script=no,downscript=no,ifname=%s", i, m.taps[i]),
		"-device", nic,
	}
}

// diskArgs is disk i, at a place of the boot order.
func (m machine) diskArgs(i, place int) []string {
	device := map[string]string{VirtIO: "virtio-blk-pci", NVMe: "nvme", SATA: fmt.Sprintf("ide-hd,bus=ahci0.%d", i)}[m.box.DiskBus]
	return []string{
		// Nothing here has to survive a power failure of this machine.
		"-drive", fmt.Sprintf("if=none,id=disk%d,format=raw,cache=unsafe,aio=threads,discard=unmap,file=%s", i, comma(m.disks[i])),
		"-device", fmt.Sprintf("%s,drive=disk%d,serial=%s,bootindex=%d", device, i, diskSerial(m.box.Name, i), place),
	}
}

// board is the machine itself: its processor and chipset.
func (m machine) board() []string {
	accel := "tcg,thread=multi"
	if m.box.Arch == ARM64 {
		// pauth-impdef: the architecture's own pointer authentication takes half of
		// the emulator's time.
		return []string{"-machine", "virt", "-accel", accel, "-cpu", "max,pauth-impdef=on"}
	}
	if m.accel == accelKVM {
		accel = "kvm"
	}
	a := []string{"-machine", "q35", "-accel", accel, "-cpu", "max"}
	switch {
	case m.box.SecureBoot:
		// Only the firmware, in SMM, may write its variables. S3 would be a way round.
		a[1] += ",smm=on"
		a = append(a, "-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1")
	case m.box.Firmware == BIOS:
		// graphics=off makes SeaBIOS show its screen on the serial port, iPXE's
		// with it; OVMF does so anyway.
		a[1] += ",graphics=off"
	}
	return a
}

// bios is the firmware and its settings.
func (m machine) bios() []string {
	if m.box.Firmware == BIOS {
		// When nothing boots, a server tries again. SeaBIOS would stop forever.
		return []string{"-boot", "reboot-timeout=5000"}
	}
	a := []string{
		"-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + m.box.firmware().code,
		"-drive", "if=pflash,unit=1,format=raw,file=" + comma(m.vars),
		// The rack's network has no DHCPv6: don't wait for it.
		"-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n",
	}
	if m.box.HTTPBoot {
		a = append(a, "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n")
	}
	return a
}

// comma doubles commas, which else end a value of QEMU's options.
func comma(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// uuidFor derives the machine's UUID (DHCP option 97) from its name, in the
// form of RFC 9562 version 8, so that a box is the same one in every rehearsal.
func uuidFor(name string) string {
	h := sha256.Sum256([]byte("rackhand virtual box " + name))
	h[6] = h[6]&0x0f | 0x80
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// diskSerial is at most 20 bytes (virtio-blk): the guest sees it in
// /dev/disk/by-id/virtio-SERIAL.
func diskSerial(name string, i int) string {
	if len(name) > 14 {
		name = name[:14]
	}
	if i > 0 {
		return fmt.Sprintf("vd-%s-%d", name, i)
	}
	return "vd-" + name
}

func serialLog(dir, name string) string { return filepath.Join(dir, name+".serial.log") }
func qemuLog(dir, name string) string   { return filepath.Join(dir, name+".qemu.log") }
