//go:build e2e

package installer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// job boots the installer for a job, in a guest with a virtio, an NVMe and a SATA disk
// that carry data from end to end; it returns the disks' files.
func (b *guestTest) job(job, order string) []string {
	b.t.Helper()
	b.mu.Lock()
	b.events, b.report = nil, nil
	b.mu.Unlock()
	file := filepath.Join(b.dir, "order.json")
	if err := os.WriteFile(file, []byte(order), 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.files["/i/"+token+"/job"] = file
	var disks, args []string
	for i, device := range []string{"", "nvme,serial=NVME-1", "ide-hd,bus=ide.1,serial=SATA-1"} {
		path := filepath.Join(b.dir, fmt.Sprintf("%s-%d.raw", job, i))
		if err := os.WriteFile(path, bytes.Repeat([]byte("precious"), 96<<17), 0o644); err != nil {
			b.t.Fatal(err)
		}
		disks = append(disks, path)
		if device != "" {
			args = append(args, "-drive", fmt.Sprintf("if=none,id=d%d,format=raw,cache=unsafe,aio=threads,discard=unmap,file=%s", i, path),
				"-device", fmt.Sprintf("%s,drive=d%d", device, i))
		}
	}
	line := "rackhand.job=" + job + " rackhand.order=http://10.77.0.1/i/" + token + "/job rackhand.report=http://10.77.0.1/i/" + token +
		"/event BOOTIF=01-52-54-00-00-00-01 rackhand.hold=1 panic=1 " + serial
	text := b.boot(false, disks[0], "", 5*time.Minute, append(args, "-kernel", b.kernel, "-initrd", b.initrd, "-append", line)...)
	if b.find("installer", "started") == nil {
		b.t.Fatalf("the job did not begin:\n%s", tailOf(text))
	}
	return disks
}

// left counts the MiB of a file that are not all zeroes and not all ones.
func left(t *testing.T, path string) int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, buf := 0, make([]byte, 1<<20)
	for {
		got, err := io.ReadFull(f, buf)
		if err == io.EOF {
			return n
		}
		if part := buf[:got]; len(bytes.Trim(part, "\x00")) > 0 && len(bytes.Trim(part, "\xff")) > 0 {
			n++
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
	}
}

// TestWipeGuest erases two of three disks, named by serial number and by name.
func TestWipeGuest(t *testing.T) {
	b := newGuestTest(t)
	disks := b.job("wipe", `{"id":"web1-wipe-1","host":"web1","job":"wipe","disks":["NVME-1","vda"]}`)
	if e := b.find("done", "job-done"); e == nil {
		t.Fatal("the wipe is not done")
	}
	if e := b.find("", "wipe-disks"); e == nil || strings.Contains(e.Message, "SATA-1") || !strings.Contains(e.Message, "serial NVME-1") {
		t.Errorf("before it began: %+v", e)
	}
	for i, want := range []int{0, 0, 96} {
		if got := left(t, disks[i]); got != want {
			t.Errorf("disk %d: %d MiB of data are left, want %d", i, got, want)
		}
	}
	var report struct {
		Disks []struct {
			Disk, Serial, Method string
			Verified             bool
		}
	}
	if err := json.Unmarshal(b.report, &report); err != nil || len(report.Disks) != 2 {
		t.Fatalf("%v: %s", err, b.report)
	}
	for _, d := range report.Disks {
		t.Logf("%+v", d)
		if !d.Verified || d.Disk == "nvme0n1" && !strings.HasPrefix(d.Method, "NVMe format") {
			t.Errorf("%+v", d)
		}
	}
}

// TestBurninGuest reads what disks say of themselves, and writes to none.
func TestBurninGuest(t *testing.T) {
	b := newGuestTest(t)
	disks := b.job("burnin", `{"id":"web1-burnin-1","host":"web1","job":"burnin","minutes":1}`)
	if e := b.find("done", "job-done"); e == nil {
		t.Errorf("the burn-in found something: %+v", b.find("failed", "job-failed"))
	}
	for i, d := range disks {
		if got := left(t, d); got != 96 {
			t.Errorf("disk %d: %d of 96 MiB are left", i, got)
		}
	}
	var report struct {
		Disks []struct {
			Disk      string
			Serial    string
			ReadBytes int64 `json:"read_bytes"`
			SMART     struct {
				Kind    string
				Celsius int64
				Hours   int64 `json:"power_on_hours"`
			}
		}
	}
	t.Logf("%s", b.report)
	if err := json.Unmarshal(b.report, &report); err != nil || len(report.Disks) != 3 {
		t.Fatalf("%v: %s", err, b.report)
	}
	kinds := map[string]string{}
	for _, d := range report.Disks {
		kinds[d.Serial] = d.SMART.Kind
		if d.ReadBytes != 96<<20 {
			t.Errorf("%s was read to byte %d", d.Disk, d.ReadBytes)
		}
		if d.SMART.Kind != "" && d.SMART.Hours < 0 {
			t.Errorf("%s doesn't tell its hours: %+v", d.Disk, d.SMART)
		}
	}
	if kinds["NVME-1"] != "nvme" || kinds["SATA-1"] != "sata" || kinds[""] != "" {
		t.Errorf("SMART by serial number: %v", kinds)
	}
}
