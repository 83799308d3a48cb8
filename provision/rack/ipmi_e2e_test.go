//go:build e2e

package rack

import (
	"os"
	"strings"
	"testing"
)

// resetter is a boot sector that makes the machine reboot by itself, as an
// installer does: jmp 0xffff:0. A disk with it boots for ever, each time by the
// box's own order.
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

// TestOneShot sets PXE once on a box that boots from disk: the box asks the
// network once, and after its own reboot starts from disk. Persistent disk on a
// box that boots from the network stays over reboots.
func TestOneShot(t *testing.T) {
	for _, firmware := range []string{BIOS, UEFI} {
		t.Run(firmware, func(t *testing.T) {
			o := testBox("once", firmware, 3)
			o.DefaultBoot = BootDisk
			r := putUp(t, Options{Boxes: []BoxOptions{o}})
			b := r.Box("once")
			seen := discovers(t, r)
			mustIPMI(t, r, b, "-C", "17", "chassis", "bootdev", "pxe")
			mustIPMI(t, r, b, "-C", "17", "chassis", "power", "on")
			nextDiscover(t, seen, b)
			has(t, mustIPMI(t, r, b, "-C", "17", "chassis", "bootparam", "get", "5"), "Boot Flag Invalid")
			// The guest's own reboot, as QEMU sees it.
			reboot(t, b, 2)
			mustIPMI(t, r, b, "-C", "17", "chassis", "bootdev", "disk", "options=persistent")
			reboot(t, b, 3)
			reboot(t, b, 4)
			if !b.On() {
				t.Error("the box is off after its reboots")
			}
			want := []string{BootPXE, BootDisk, BootDisk, BootDisk}
			for i, boot := range b.Boots()[:4] {
				if boot.First != want[i] {
					t.Errorf("start %d was from %s, want %s", i+1, boot.First, want[i])
				}
			}
		})
	}
}

// reboot presses the machine's own reset line and waits until the chassis has
// started it for the nth time.
func reboot(t *testing.T, b *Box, n int) {
	t.Helper()
	b.mu.Lock()
	err := b.guest.qmp.execute("system_reset")
	b.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the box starts again", func() bool { return len(b.Boots()) >= n })
}
