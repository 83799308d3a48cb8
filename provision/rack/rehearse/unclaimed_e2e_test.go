//go:build e2e

package rehearse_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/rack/rehearse"
)

// diskSays is what the sector of bootDisk writes to the serial port.
const diskSays = "the disk boots"

// bootDisk writes a disk whose boot sector says diskSays on the first serial port, and stops.
func bootDisk(t *testing.T) string {
	t.Helper()
	sector := make([]byte, 512)
	asm := []byte{
		0xfa, 0xfc, // 00 cli; cld
		0x31, 0xc0, // 02 xor ax, ax
		0x8e, 0xd8, // 04 mov ds, ax
		0xbe, 0x1d, 0x7c, // 06 mov si, 0x7c1d
		0xba, 0xfd, 0x03, // 09 mov dx, 0x3fd: COM1's line status
		0xec,       // 0c in al, dx
		0xa8, 0x20, // 0d test al, 0x20: it takes a byte
		0x74, 0xfb, // 0f jz 0c
		0xac,       // 11 lodsb
		0x84, 0xc0, // 12 test al, al
		0x74, 0x05, // 14 jz 1b
		0xb2, 0xf8, // 16 mov dl, 0xf8: COM1's data
		0xee,       // 18 out dx, al
		0xeb, 0xee, // 19 jmp 09
		0xf4, // 1b hlt
		0xfd, // 1c
	}
	copy(sector, asm)
	copy(sector[0x1d:], "\r\n"+diskSays+"\r\n\x00")
	sector[510], sector[511] = 0x55, 0xaa
	path := filepath.Join(t.TempDir(), "disk.raw")
	if err := os.WriteFile(path, append(sector, make([]byte, 1<<20-512)...), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnclaimedWaits boots boxes that aren't in the inventory. They wait at their boot program.
//   - Claimed, a UEFI box goes on into its installer in the same boot, at the host's address
//     (TestQuickStart of cmd/rackhand has a BIOS box).
//   - A key, a claim that arms nothing, and the end of the wait boot the disk; the last also
//     if the appliance is silent.
func TestUnclaimedWaits(t *testing.T) {
	r := start(t, rehearse.Options{
		Images: need(t, "RACKHAND_IMAGES"), Policy: "first-boot", UnclaimedWait: "2m",
		Boxes: []rehearse.Box{
			{Name: "uefi", Firmware: "uefi", Unclaimed: true},
			{Name: "disk", Firmware: "bios", Unclaimed: true, DiskImage: bootDisk(t)},
		},
	})
	edit := func(command string, args ...string) {
		t.Helper()
		r.rackhand(append([]string{command, "--inventory", r.Inventory}, args...)...)
	}
	claim := func(i int, name string, more ...string) {
		t.Helper()
		edit("claim", append([]string{rehearse.MAC(i), name, "--group", "web", "--address", rehearse.Address(i)}, more...)...)
	}
	const uefi, disk = 0, 1
	r.powerOn("disk", 1)
	r.powerOn("uefi", 1)
	r.says("disk", 1, "rackhand claim "+rehearse.MAC(disk))
	if err := r.Rack.Box("disk").Press("spc"); err != nil {
		t.Fatal(err)
	}
	r.says("disk", 1, diskSays)
	r.powerOn("disk", 2)
	r.says("uefi", 1, "rackhand claim "+rehearse.MAC(uefi))
	claim(uefi, "uefi")
	r.says("disk", 2, "rackhand claim "+rehearse.MAC(disk))
	claim(disk, "disk", "--on-request")
	r.says("disk", 1, "this box is disk now", "no install of disk is armed")
	r.says("disk", 2, diskSays)
	r.says("uefi", 1, "this box is uefi now", linux)
	r.eventsWith(t, "uefi", provision.Kernel)
	if h, boots := r.host("uefi"), r.Rack.Box("uefi").Boots(); len(boots) != 1 || h.Install == nil || h.Install.Attempts != 1 || h.Address != rehearse.Address(uefi) {
		t.Errorf("after %d starts: %+v", len(boots), h)
	}
	r.noSecrets("uefi")
	r.Rack.Box("uefi").PowerCut()

	for _, mac := range []string{rehearse.MAC(uefi), rehearse.MAC(disk)} {
		if r.count(mac, "waits") == 0 || r.count(mac, "wait-ended") != 0 {
			t.Errorf("%s: %d events waits, %d wait-ended", mac, r.count(mac, "waits"), r.count(mac, "wait-ended"))
		}
	}

	edit("remove", "hosts.disk")
	edit("set", "networks.rack1.unclaimed.wait", "10s")
	r.powerOn("disk", 3)
	r.says("disk", 3, "rackhand claim "+rehearse.MAC(disk))
	if err := r.KillAppliance(); err != nil {
		t.Fatal(err)
	}
	r.says("disk", 3, diskSays)
}

// powerOn starts a box for the nth time.
func (r *rehearsal) powerOn(name string, n int) {
	r.t.Helper()
	start := r.Rack.Box(name).PowerOn
	if n > 1 {
		start = r.Rack.Box(name).Reset
	}
	if err := start(); err != nil {
		r.t.Fatal(err)
	}
}

// says waits until a box's serial port has said all texts, each as often as times.
func (r *rehearsal) says(name string, times int, texts ...string) {
	r.t.Helper()
	began := time.Now()
	for {
		said, err := os.ReadFile(r.Rack.Box(name).SerialLog())
		if err != nil && !os.IsNotExist(err) {
			r.t.Fatal(err)
		}
		var missing []string
		for _, s := range texts {
			if bytes.Count(said, []byte(s)) < times {
				missing = append(missing, s)
			}
		}
		if len(missing) == 0 {
			return
		}
		if time.Since(began) > bootPatience {
			r.t.Fatalf("after %s its serial port has not said %q; it ends with\n%s", bootPatience, strings.Join(missing, ", "), said[max(0, len(said)-3000):])
		}
		time.Sleep(100 * time.Millisecond)
	}
}
