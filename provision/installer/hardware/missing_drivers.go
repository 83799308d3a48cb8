package hardware

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/kernel"
	"rackhand/provision/installer/report"
)

// Classes of PCI devices that an install needs: the first byte of the class code
// (PCI Code and ID Assignment, section 1).
const (
	PCIStorage = "01"
	PCINetwork = "02"
)

// WithoutDriver lists the PCI devices of a class (PCIStorage, PCINetwork) without a driver:
// "0000:01:00.0 (8086:1572)". They explain why a disk or network card is missing. sys is
// /sys.
func WithoutDriver(sys, class string) []string {
	dirs, _ := filepath.Glob(sys + "/bus/pci/devices/*")
	var out []string
	for _, dir := range dirs {
		if c := kernel.ReadText(dir + "/class"); !strings.HasPrefix(c, "0x"+class) { // 0x020000
			continue
		}
		if _, err := os.Lstat(dir + "/driver"); err == nil {
			continue
		}
		id := func(file string) string { return strings.TrimPrefix(kernel.ReadText(dir+"/"+file), "0x") }
		out = append(out, fmt.Sprintf("%s (%s:%s)", filepath.Base(dir), id("vendor"), id("device")))
	}
	slices.Sort(out)
	return out
}

// firmwareForm matches the kernel's messages about missing firmware: its own, and those of
// Debian's patch.
var firmwareForm = regexp.MustCompile(`^(\S+ [0-9a-f:.]+): (?:Direct firmware load for (\S+) failed|firmware: failed to load (\S+))`)

// missingFirmware finds in the kernel's log the drivers whose firmware the initramfs lacks:
// "bnx2 0000:01:00.0: bnx2/bnx2-mips-09-6.2.1b.fw".
func missingFirmware(log []string) []string {
	var out []string
	for _, line := range log {
		f := firmwareForm.FindStringSubmatch(line)
		if f == nil {
			continue
		}
		if s := report.ClipText(f[1]+": "+f[2]+f[3], 200); !slices.Contains(out, s) && len(out) < 50 {
			out = append(out, s)
		}
	}
	return out
}

// kernelLog reads the messages that the kernel still has (/dev/kmsg: one record a
// read, "6,339,5140900,-;text").
func kernelLog() []string {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var (
		out []string
		buf = make([]byte, 8192)
	)
	for range 100_000 {
		n, err := unix.Read(fd, buf)
		if err == unix.EPIPE || err == unix.EINTR { // overwritten in the meantime: read the next one
			continue
		}
		if err != nil || n <= 0 {
			break
		}
		_, text, _ := strings.Cut(string(buf[:n]), ";")
		text, _, _ = strings.Cut(text, "\n")
		out = append(out, text)
	}
	return out
}

// missingDrivers says which hardware of a class the installer can't use, one line each.
func missingDrivers(class string) []string {
	var out []string
	if list := WithoutDriver("/sys", class); len(list) > 0 {
		what := map[string]string{PCIStorage: "disk controllers", PCINetwork: "network cards"}[class]
		out = append(out, fmt.Sprintf("no driver has taken these %s: %s", what, strings.Join(list, ", ")))
	}
	if list := missingFirmware(kernelLog()); len(list) > 0 && class == PCINetwork {
		out = append(out, "drivers ask for firmware that the image's /lib/firmware lacks: "+strings.Join(list, ", ")+
			" (Debian has it in non-free-firmware; many drivers work without)")
	}
	return out
}

// ReportMissingDrivers reports the hardware of a class that the installer can't use. With
// send it sends events; otherwise the consoles alone get it.
func ReportMissingDrivers(log report.Log, class string, send bool) {
	for _, d := range missingDrivers(class) {
		if send {
			log.Event(report.Event{Kind: "hardware", Level: "warn", Message: d})
		} else {
			log.Con.Printf("%s", d)
		}
	}
}
