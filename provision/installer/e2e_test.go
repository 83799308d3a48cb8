//go:build e2e

package installer_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/installer"
)

const (
	served = "IT SERVES: web1 "
	allOf  = "THAT IS ALL"
)

func TestInstallBIOS(t *testing.T) {
	b := newBench(t)
	disk := b.disk("disk.raw")
	b.ks = b.kickstart("http://10.77.0.1/image/root.tar.zst", b.rootSum(), "")
	text := b.install(false, disk, "")
	if b.find("installed", "installed") == nil || b.find("installer", "started") == nil || b.find("packages", "verified") == nil {
		t.Fatalf("no installed event; serial line:\n%s", tailOf(text))
	}
	for _, secret := range []string{"secret-of-root", "hashhash"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is on the console", secret)
		}
	}
	if i := strings.Index(text, "where the time went"); i >= 0 {
		t.Log(text[i:min(len(text), i+1500)])
	}
	b.check(b.boot(false, disk, allOf, 5*time.Minute), "firmware bios")

	// The same disk carries a system now: it must be refused, and left as it is.
	before := diskSum(t, disk)
	b.install(false, disk, "")
	e := b.find("failed", installer.FailDisk)
	if e == nil || !strings.Contains(e.Message, "GPT partition table") || !strings.Contains(e.Message, "ext file system") {
		t.Fatalf("the disk was not refused: %+v", e)
	}
	if after := diskSum(t, disk); after != before {
		t.Error("a refused disk was written to")
	}
}

// A UEFI guest, onto a disk that carries data, as asked; and network cards that
// are found by name in the installed system.
func TestInstallUEFIWipe(t *testing.T) {
	b := newBench(t)
	disk := b.disk("disk.raw")
	scribble(t, disk, 0x438, "\x53\xef")
	b.ks = b.kickstart("http://10.77.0.1/image/root.tar.zst", b.rootSum(), "")
	text := b.install(true, disk, "rackhand.wipe=1")
	if b.find("installed", "installed") == nil || b.find("", "disk-wiped") == nil {
		t.Fatalf("no installed event; serial line:\n%s", tailOf(text))
	}
	b.check(b.boot(true, disk, allOf, 5*time.Minute), "firmware uefi")
}

// An image that isn't the one named leaves a disk that nothing can boot from.
func TestWrongImage(t *testing.T) {
	b := newBench(t)
	disk := b.disk("disk.raw")
	small := filepath.Join(b.dir, "small.tar")
	if out, err := exec.Command("tar", "cf", small, "-C", "/etc", "hostname").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	b.files["/image/small.tar"] = small
	b.ks = b.kickstart("http://10.77.0.1/image/small.tar", strings.Repeat("0", 64), "%onerror\necho ONERROR RAN >/dev/ttyS0\n%end\n")
	text := b.install(false, disk, "")
	if e := b.find("failed", installer.FailImage); e == nil || !strings.Contains(e.Message, "SHA-256") {
		t.Fatalf("the image was not refused; serial line:\n%s", tailOf(text))
	}
	if !strings.Contains(text, "ONERROR RAN") {
		t.Error("the onerror script did not run")
	}
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, 1<<20)
	if _, err := f.ReadAt(head, 0); err != nil {
		t.Fatal(err)
	}
	if len(bytes.Trim(head, "\x00")) > 0 {
		t.Error("the disk's first MiB is not blank")
	}
}

// A Kickstart that can't be carried out is refused before any disk is looked at.
func TestRefusedKickstart(t *testing.T) {
	b := newBench(t)
	disk := b.disk("disk.raw")
	b.ks = b.kickstart("http://10.77.0.1/image/root.tar.zst", b.rootSum(), "btrfs none a\n")
	b.install(false, disk, "")
	e := b.find("failed", installer.FailKickstart)
	if e == nil || !strings.Contains(e.Message, "can't carry out btrfs") {
		t.Fatalf("%+v", e)
	}
	if b.find("installer", "started") != nil {
		t.Error("a refused Kickstart has started an install")
	}
}
