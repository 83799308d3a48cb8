//go:build e2e

package rack

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// resetter is a boot sector that reboots the machine, as an installer does: jmp 0xffff:0.
// A disk with it boots forever, each time by the box's own boot order.
func resetter() []byte {
	b := make([]byte, 1<<20)
	// out 0x64, 0xfe: the keyboard controller's reset line
	copy(b, []byte{0xfa, 0xb0, 0xfe, 0xe6, 0x64, 0xf4, 0xeb, 0xfd})
	b[510], b[511] = 0x55, 0xaa
	return b
}

// halter is a boot sector that stops the machine, still powered.
func halter() []byte {
	b := make([]byte, 1<<20)
	copy(b, []byte{0xfa, 0xf4, 0xeb, 0xfd})
	b[510], b[511] = 0x55, 0xaa
	return b
}

func putBootSector(t *testing.T, b *Box, sector []byte) {
	t.Helper()
	f, err := os.OpenFile(b.Disk(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(sector[:512], 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func has(t *testing.T, out, want string) {
	t.Helper()
	if !strings.Contains(out, want) {
		t.Errorf("ipmitool says:\n%s\nwant in it: %q", out, want)
	}
}

// TestSimulatedBMC asks a simulated BMC with ipmitool, by both cipher suites.
func TestSimulatedBMC(t *testing.T) {
	t.Parallel()
	r := putUp(t, Options{Boxes: []BoxOptions{testBox("bmc", BIOS, 1), testBox("other", UEFI, 2)}})
	b := r.Box("bmc")
	putBootSector(t, b, halter())
	for _, suite := range []string{"3", "17"} {
		ask := func(args ...string) string { return mustIPMI(t, r, b, append([]string{"-C", suite}, args...)...) }
		has(t, ask("chassis", "status"), "System Power         : off")
		// The other boot parameters, as they stay.
		ask("chassis", "bootdev", "pxe", "options=efiboot")
		out := ask("chassis", "bootparam", "get", "5")
		has(t, out, "Boot Flag Valid")
		has(t, out, "Options apply to only next boot")
		has(t, out, "BIOS EFI boot")
		has(t, out, "Force PXE")
		ask("chassis", "bootdev", "disk", "options=persistent")
		out = ask("chassis", "bootparam", "get", "5")
		has(t, out, "Options apply to all future boots")
		has(t, out, "BIOS PC Compatible (legacy) boot")
		has(t, out, "Force Boot from default Hard-Drive")
		ask("raw", "0x00", "0x08", "0x03", "0x08")
		if got := strings.TrimSpace(ask("raw", "0x00", "0x09", "0x03", "0x00", "0x00")); got != "01 03 08" {
			t.Errorf("boot option parameter 3 reads %q, want 01 03 08", got)
		}
		// Off: a cycle, reset or shutdown is refused, as the standard says.
		for _, action := range []string{"cycle", "reset", "soft"} {
			out, err := ipmi(t, r, b, "-C", suite, "chassis", "power", action)
			if err == nil {
				t.Errorf("power %s of a box that is off was accepted: %s", action, out)
			}
			has(t, out, "not supported in present state")
		}
		ask("chassis", "power", "on")
		has(t, ask("chassis", "status"), "System Power         : on")
		ask("chassis", "power", "cycle")
		ask("chassis", "power", "reset")
		has(t, ask("chassis", "status"), "System Power         : on")
		ask("chassis", "power", "off")
		has(t, ask("chassis", "status"), "System Power         : off")
	}
	if n := len(b.Boots()); n != 6 {
		t.Errorf("%d starts, want 6 (on, cycle and reset, twice): %v", n, b.Boots())
	}
	for _, user := range [][]string{{"-C", "17", "-U", "nobody"}, {"-C", "17", "-U", ""}, {"-C", "3", "-P", "wrong"}} {
		if out, err := ipmi(t, r, b, append(user, "chassis", "status")...); err == nil {
			t.Errorf("a stranger (%v) was let in: %s", user, out)
		}
	}
	if r.Box("other").On() {
		t.Error("the other box was switched on too")
	}
}

// netboot runs dnsmasq in the appliance's namespace, a DHCP and TFTP server that
// isn't ours. A box that boots from the network gets iPXE with a script that reboots the
// machine. It returns dnsmasq's log.
func netboot(t *testing.T, r *Rack) (log func() string) {
	t.Helper()
	dir := t.TempDir()
	ipxe, err := os.ReadFile("/usr/lib/ipxe/ipxe.efi")
	if err != nil {
		t.Fatalf("%v: install Debian's package ipxe", err)
	}
	for name, content := range map[string][]byte{
		"ipxe.efi":    ipxe,
		"reboot.ipxe": []byte("#!ipxe\necho rebooting as told by the script\nreboot\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A router advertisement spares iPXE 13 s of waiting for one.
	if out, err := r.Command(t.Context(), "ip", "addr", "add", "fd77::1/64", "dev", applianceLink, "nodad").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	logPath := filepath.Join(dir, "dnsmasq.log")
	cmd := r.Command(t.Context(), "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root",
		"--pid-file="+filepath.Join(dir, "pid"), "--log-facility="+logPath, "--log-dhcp", "--leasefile-ro",
		"--port=0", "--interface="+applianceLink, "--no-ping", "--dhcp-authoritative",
		"--dhcp-range=10.77.0.50,10.77.0.60,1h", "--enable-ra", "--dhcp-range=fd77::,ra-only", "--dhcp-option=encap:175,176,1b",
		"--enable-tftp", "--tftp-root="+dir,
		"--dhcp-match=set:ipxe,175", "--dhcp-boot=tag:!ipxe,ipxe.efi", "--dhcp-boot=tag:ipxe,reboot.ipxe")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	log = func() string {
		b, _ := os.ReadFile(logPath)
		return string(b)
	}
	waitFor(t, "dnsmasq serves (is dnsmasq-base installed?)", func() bool { return strings.Contains(log(), "TFTP root is") })
	return log
}

// first lists what a box tried first at each start.
func first(b *Box) []string {
	var f []string
	for _, boot := range b.Boots() {
		f = append(f, boot.First)
	}
	return f
}

// TestOneShot sets PXE once on a box that boots from disk: it boots from the
// network, and after the reboot that the script there makes, from disk.
func TestOneShot(t *testing.T) {
	t.Parallel()
	for _, firmware := range []string{BIOS, UEFI} {
		t.Run(firmware, func(t *testing.T) {
			t.Parallel()
			o := testBox("once", firmware, 3)
			o.DefaultBoot = BootDisk
			r := putUp(t, Options{Boxes: []BoxOptions{o}})
			b := r.Box("once")
			log := netboot(t, r)
			mustIPMI(t, r, b, "-C", "17", "chassis", "bootdev", "pxe")
			mustIPMI(t, r, b, "-C", "17", "chassis", "power", "on")
			has(t, mustIPMI(t, r, b, "-C", "17", "chassis", "bootparam", "get", "5"), "Boot Flag Invalid")
			waitFor(t, "the script reboots the box", func() bool { return len(b.Boots()) >= 2 })
			if !b.On() {
				t.Error("the box is off after its reboot")
			}
			if got := first(b)[:2]; !slices.Equal(got, []string{BootPXE, BootDisk}) {
				t.Errorf("starts from %v, want once from the network, then from disk", got)
			}
			if !strings.Contains(log(), "reboot.ipxe to") {
				t.Errorf("the box rebooted but never fetched the script:\n%s", log())
			}
		})
	}
}

// TestPersistentDisk sets disk for good on a box that boots from the network; its
// disk makes it reboot over and over, and it never asks the network.
func TestPersistentDisk(t *testing.T) {
	t.Parallel()
	r := putUp(t, Options{Boxes: []BoxOptions{testBox("disk", BIOS, 4)}})
	b := r.Box("disk")
	putBootSector(t, b, resetter())
	log := netboot(t, r)
	mustIPMI(t, r, b, "-C", "17", "chassis", "bootdev", "disk", "options=persistent")
	mustIPMI(t, r, b, "-C", "17", "chassis", "power", "on")
	waitFor(t, "the box reboots three times from disk", func() bool { return len(b.Boots()) >= 4 })
	has(t, mustIPMI(t, r, b, "-C", "17", "chassis", "bootparam", "get", "5"), "Options apply to all future boots")
	for i, f := range first(b) {
		if f != BootDisk {
			t.Errorf("start %d was from %s", i+1, f)
		}
	}
	if strings.Contains(log(), "DHCPDISCOVER") {
		t.Errorf("the box asked the network:\n%s", log())
	}
}
