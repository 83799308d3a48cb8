//go:build e2e

package installer_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rackhand/provision/installer/plan"
)

const imagePath = "/image/root.tar.zst"

// A halfWriter calls a function once, when half of a file is through.
type halfWriter struct {
	http.ResponseWriter
	sent, half int64
	reached    func()
}

func (w *halfWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	if before := w.sent; before < w.half && before+int64(n) >= w.half {
		w.reached()
	}
	w.sent += int64(n)
	return n, err
}

// atHalf serves the root image, and calls reached in the first answer at half of it. The
// function that it returns puts another file in the image's place.
func (b *guestTest) atHalf(reached func(r *http.Request)) (replace func(file string)) {
	b.t.Helper()
	name := b.files[imagePath]
	info, err := os.Stat(name)
	if err != nil {
		b.t.Fatal(err)
	}
	var (
		again atomic.Bool
		file  atomic.Pointer[string]
	)
	file.Store(&name)
	b.handlers[imagePath] = func(w http.ResponseWriter, r *http.Request) {
		if again.Swap(true) {
			b.t.Logf("the rest is asked for: %q if %q", r.Header.Get("Range"), r.Header.Get("If-Range"))
		} else {
			w = &halfWriter{ResponseWriter: w, half: info.Size() / 2, reached: func() { reached(r) }}
		}
		http.ServeFile(w, r, *file.Load())
	}
	return func(other string) { file.Store(&other) }
}

// wantBlank looks at both ends of a disk, where firmware and the guard look.
func wantBlank(t *testing.T, disk string) {
	t.Helper()
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 1<<20)
	for _, at := range []int64{0, end - int64(len(part))} {
		if _, err := f.ReadAt(part, at); err != nil {
			t.Fatal(err)
		}
		if len(bytes.Trim(part, "\x00")) > 0 {
			t.Errorf("the disk isn't blank at %d", at)
		}
	}
}

// The power fails twice: when half of the image is unpacked, and when the partition table
// is written but the boot loader isn't. The remains can't boot. After the first failure the
// disk looks blank to the next attempt, which needs no --wipe. After the second it doesn't.
// The appliance knows the disk by then, and allows the next attempt of this install to
// overwrite it; otherwise nothing is changed. In the last attempt the server is killed at
// half of the image, with all its connections, and comes back after a while. The install
// goes on from there. The new system boots, and its disk may no longer be overwritten.
func TestInterrupted(t *testing.T) {
	const serial = "vd-web1"
	b := newGuestTest(t)
	disk := b.disk("disk.raw")
	b.ks = b.kickstart("http://10.77.0.1"+imagePath, b.rootSum(), "")
	drive := []string{
		"-drive", "file=" + disk + ",format=raw,if=none,id=one,cache=unsafe,aio=threads",
		"-device", "virtio-blk-pci,drive=one,serial=" + serial,
	}
	b.atHalf(func(r *http.Request) { <-r.Context().Done() })
	b.until = "nothing has come for "
	b.install(false, "", "", drive...)
	if b.find("packages", "progress") == nil || b.find("packages", "verified") != nil {
		t.Error("the power wasn't cut in the middle of the image")
	}
	wantBlank(t, disk)

	b.until = "write the partition table of vda"
	b.install(false, "", "", drive...)
	if e := b.find("", "disks-blank"); e == nil || e.Message != serial {
		t.Fatalf("the appliance doesn't know the disk: %+v", e)
	}
	if b.find("packages", "verified") == nil || b.find("installed", "installed") != nil || b.find("", "disk-wiped") != nil {
		t.Error("the power wasn't cut between the image and the end")
	}
	b.until = ""
	before := diskSum(t, disk)
	b.install(false, "", "rackhand.ours=vd-web2", drive...)
	if e := b.find("failed", plan.FailDisk); e == nil || !strings.Contains(e.Message, "carries data") {
		t.Errorf("without leave: %+v", e)
	}
	if diskSum(t, disk) != before {
		t.Error("without leave, the disk was written to")
	}

	var back sync.WaitGroup
	b.atHalf(func(*http.Request) {
		b.mu.Lock()
		srv := b.srv
		b.mu.Unlock()
		back.Go(func() {
			srv.Close() // the socket and every connection
			time.Sleep(4 * time.Second)
			b.serve()
		})
	})
	text := b.install(false, "", "rackhand.ours="+serial, drive...)
	back.Wait()
	if b.find("", "disk-wiped") == nil || b.find("installed", "installed") == nil || b.find("packages", "verified") == nil {
		t.Fatalf("no installed event; serial line:\n%s", tailOf(text))
	}
	if !b.told("the connection broke after ") || !b.told("the download goes on at ") {
		t.Error("that it broke, and went on, was not told")
	}
	for _, want := range []string{"the connection broke after ", "MB/s", " s to go"} {
		if !strings.Contains(text, want) {
			t.Errorf("the console lacks %q", want)
		}
	}
	b.check(b.boot(false, disk, allOf, 5*time.Minute), "firmware bios")

	// A system whose last report was lost is not a leftover.
	before = diskSum(t, disk)
	b.install(false, "", "rackhand.ours="+serial, drive...)
	if e := b.find("failed", plan.FailDisk); e == nil || !strings.Contains(e.Message, "has finished") {
		t.Errorf("a finished system: %+v", e)
	}
	if diskSum(t, disk) != before {
		t.Error("a finished system was written to")
	}
}

// An image that is put in place of another in the middle of an install is an
// error that says so, and leaves a blank disk.
func TestImageChangedInTheMiddle(t *testing.T) {
	b := newGuestTest(t)
	disk := b.disk("disk.raw")
	other := filepath.Join(b.dir, "other")
	if err := os.WriteFile(other, bytes.Repeat([]byte("other"), 40<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	b.ks = b.kickstart("http://10.77.0.1"+imagePath, b.rootSum(), "")
	var replace func(string)
	replace = b.atHalf(func(*http.Request) {
		replace(other)
		panic(http.ErrAbortHandler)
	})
	text := b.install(false, disk, "")
	e := b.find("failed", plan.FailImage)
	if e == nil || !strings.Contains(e.Message, "the file changed on the server in the middle of the transfer") {
		t.Fatalf("%+v; serial line:\n%s", e, tailOf(text))
	}
	wantBlank(t, disk)
}
