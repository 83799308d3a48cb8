//go:build e2e

package image

import (
	"context"
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

// A real image is built from this machine's package mirror, and its kernel and
// initramfs boot in an emulated box, where the programs that the installer needs
// do their work on a disk.
func TestBuildAndBoot(t *testing.T) {
	for tool, pkg := range map[string]string{"mmdebstrap": "mmdebstrap", "qemu-system-x86_64": "qemu-system-x86"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s isn't installed: apt install %s", tool, pkg)
		}
	}
	if os.Geteuid() != 0 {
		t.Fatal("this test builds a root image: run it as root")
	}
	installer := checkingInit(t)
	const name = "debian12-e2e"
	dir := e2eDir(t)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	m, err := Build(t.Context(), Options{Name: name, Dir: dir, Installer: installer, Log: log, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Remove(dir, name); err != nil {
			t.Error(err)
		}
	})
	if err := Verify(t.Context(), dir, name); err != nil {
		t.Error(err)
	}
	for _, f := range m.FileNames() {
		t.Logf("%s: %.1f MB", f, float64(m.Files[f].Size)/1e6)
	}
	checkRoot(t, filepath.Join(dir, name, RootFile))
	boot(t, filepath.Join(dir, name))
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

// A real root that comes as a tar, Debian's image itself, boots with its own kernel
// and the tools that were fetched for roots that aren't Debian's.
func TestImportAndBoot(t *testing.T) {
	needTools(t, map[string]string{"mmdebstrap": "mmdebstrap", "qemu-system-x86_64": "qemu-system-x86"})
	from := filepath.Join(e2eDir(t), "debian12")
	had, err := Open(e2eDir(t), "debian12")
	if err != nil {
		t.Fatalf("%v (or run `make image`)", err)
	}
	dir := filepath.Join(t.TempDir(), "images")
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	m, err := Import(t.Context(), Options{Name: "imported", Dir: dir, Installer: checkingInit(t), Log: log, Clock: time.Now},
		ImportOptions{File: filepath.Join(from, had.Root().Name)})
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
	if m.Root().SHA256 != had.Root().SHA256 {
		t.Errorf("the root was %s and is %s", had.Root().SHA256, m.Root().SHA256)
	}
	boot(t, filepath.Join(dir, m.Name))
}

// checkRoot looks into the packed root for what no host must inherit.
func checkRoot(t *testing.T, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	sources, err := HostSources("bookworm")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	eachFile(t, z, func(name string, data []byte) {
		if strings.HasPrefix(name, "etc/") {
			files[name] = string(data)
		}
	})
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

func boot(t *testing.T, folder string) {
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
	out, err := exec.CommandContext(ctx, "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi",
		"-cpu", "max", "-smp", "2", "-m", "1024", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-netdev", "hubport,hubid=0,id=n", "-device", "virtio-net-pci,netdev=n,romfile=",
		"-drive", "file="+disk+",format=raw,if=virtio,cache=unsafe",
		"-kernel", filepath.Join(folder, KernelFile), "-initrd", filepath.Join(folder, InitrdFile),
		"-append", "console=ttyS0 panic=-1 quiet").CombinedOutput()
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
