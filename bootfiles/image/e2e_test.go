//go:build e2e

package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// e2eDir is where real images are built: RACKHAND_IMAGES, or the module's cache.
func e2eDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("RACKHAND_IMAGES"); dir != "" {
		return dir
	}
	dir, err := filepath.Abs("../../.cache/images")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Debian's image, which `make image` builds of this machine's package mirror, holds
// what a root should, and its kernel and initramfs boot in an emulated box, where the
// programs that the installer needs do their work on a disk.
func TestDebianImage(t *testing.T) {
	needTools(t, map[string]string{"qemu-system-x86_64": "qemu-system-x86"})
	m := debianImage(t)
	if err := Verify(t.Context(), e2eDir(t), m.Name); err != nil {
		t.Error(err)
	}
	for _, f := range m.FileNames() {
		t.Logf("%s: %.1f MB", f, float64(m.Files[f].Size)/1e6)
	}
	checkRoot(t, m)
	from, folder := filepath.Join(e2eDir(t), m.Name), t.TempDir()
	if err := writeInitrd(folder, filepath.Join(from, BaseFile), checkingInit(t)); err != nil {
		t.Fatal(err)
	}
	boot(t, filepath.Join(from, KernelFile), filepath.Join(folder, InitrdFile))
}

// debianImage is the image built by `make image`. An image of another version of this
// program would prove nothing.
func debianImage(t *testing.T) *Manifest {
	t.Helper()
	m, err := Open(e2eDir(t), "debian12")
	if err != nil {
		t.Fatalf("%v: run `make image`", err)
	}
	if why := m.Stale(); why != "" {
		t.Fatalf("the image debian12 is old (%s): run `make image`", why)
	}
	return m
}

// checkingInit is an /init that tries what an installer counts on.
func checkingInit(t *testing.T) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "init")
	build := exec.Command("go", "build", "-o", program, "./testdata/init")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build /init: %v\n%s", err, out)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Roots that aren't built of Debian's packages. The first fetches the installer's
// tools, and the second finds them.
func TestOtherRoots(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "images")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var was os.FileInfo
	for _, test := range []struct {
		name string
		run  func(*testing.T, string)
	}{{"RedHatLike", buildRedHatLike}, {"Import", importAndBoot}} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, dir)
			is, err := os.Stat(toolsPlace(dir))
			if err != nil {
				t.Fatal(err)
			}
			if was != nil && !os.SameFile(was, is) {
				t.Error("the tools were fetched once more")
			}
			was = is
		})
	}
}

// A real root that comes as a tar, Debian's image itself, boots with its own kernel
// and the tools that were fetched for roots that aren't Debian's.
func importAndBoot(t *testing.T, dir string) {
	needTools(t, map[string]string{"mmdebstrap": "mmdebstrap", "qemu-system-x86_64": "qemu-system-x86"})
	had := debianImage(t)
	from := filepath.Join(e2eDir(t), had.Name, had.Root().Name)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	m, err := Import(t.Context(), Options{Name: "imported", Dir: dir, Installer: checkingInit(t), Log: log, level: zstd.SpeedFastest},
		ImportOptions{File: from})
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(t.Context(), dir, m.Name); err != nil {
		t.Error(err)
	}
	if m.Kernel != had.Kernel || m.Release != "bookworm" || m.Packages != had.Packages || m.Unpacked != had.Unpacked {
		t.Errorf("%+v became %+v", had, m)
	}
	// Nothing was there to leave out, so that the root comes out as it went in.
	folder := filepath.Join(dir, m.Name)
	if in, out := tarSum(t, from), tarSum(t, filepath.Join(folder, m.Root().Name)); in != out {
		t.Errorf("the root's tar was %s and is %s", in, out)
	}
	boot(t, filepath.Join(folder, KernelFile), filepath.Join(folder, InitrdFile))
}

// openRoot unpacks a packed root.
func openRoot(t *testing.T, name string) io.Reader {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { z.Close(); f.Close() })
	return z
}

// tarSum is the SHA-256 of a packed root's tar.
func tarSum(t *testing.T, name string) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, openRoot(t, name)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// checkRoot looks into the packed root for what no host must inherit, and for times
// that only this one build could give.
func checkRoot(t *testing.T, m *Manifest) {
	t.Helper()
	sources, err := HostSources("bookworm")
	if err != nil {
		t.Fatal(err)
	}
	files, own := map[string]string{}, 0
	for r := tar.NewReader(openRoot(t, filepath.Join(e2eDir(t), m.Name, RootFile))); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Before(m.Created) {
			t.Errorf("%s bears a time of the build, %v", h.Name, h.ModTime)
		}
		if h.ModTime.Unix() != releaseEpoch {
			own++
		} else if h.Name == "usr/bin/busybox" {
			t.Error("a package's program has lost its time")
		}
		if strings.HasPrefix(h.Name, "etc/") && h.Typeflag == tar.TypeReg {
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			files[h.Name] = string(data)
		}
	}
	// Nearly all files are as their packages brought them: 7,700 in 2026.
	if own < 5000 {
		t.Errorf("%d files have a package's time", own)
	}
	for name, text := range files {
		for _, s := range sources {
			if strings.HasPrefix(name, "etc/apt/") && strings.Contains(text, s.URI) {
				t.Errorf("%s names this machine's mirror", name)
			}
		}
		if strings.HasPrefix(name, "etc/ssh/ssh_host_") || strings.HasPrefix(name, "etc/apt/sources.list") {
			t.Errorf("%s is still there", name)
		}
	}
	if id, ok := files["etc/machine-id"]; !ok || id != "" {
		t.Errorf("/etc/machine-id is %q (there: %v), want an empty file", id, ok)
	}
}

func boot(t *testing.T, kernel, initrd string) {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(disk, 2<<30); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	// No network but a card without a cable: nothing leaves the box.
	out, err := exec.CommandContext(ctx, "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg",
		"-cpu", "max", "-m", "1024", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-netdev", "hubport,hubid=0,id=n", "-device", "virtio-net-pci,netdev=n,romfile=",
		"-drive", "file="+disk+",format=raw,if=virtio,cache=unsafe",
		"-kernel", kernel, "-initrd", initrd,
		"-append", "console=ttyS0 panic=-1 quiet mitigations=off").CombinedOutput()
	if err != nil {
		t.Fatalf("the box ended with %v:\n%s", err, out)
	}
	done := false
	for line := range strings.Lines(string(out)) {
		switch _, check, ok := strings.Cut(strings.TrimSpace(line), "CHECK "); {
		case !ok:
		case check == "done":
			done = true
		default:
			t.Error(check)
		}
	}
	if !done || t.Failed() {
		t.Errorf("the box didn't come through:\n%s", out)
	}
}
