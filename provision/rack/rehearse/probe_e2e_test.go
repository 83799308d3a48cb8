//go:build e2e

package rehearse_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/u-root/u-root/pkg/cpio"

	"rackhand/bootfiles/image"
	"rackhand/provision/boot"
)

// probeImage is the name of the image that arm64Images makes: a kernel of Debian's
// and an /init that says that it runs. There is no root in it to be installed.
const probeImage = "arm64-probe"

// arm64Images makes a folder with the image probeImage beside those of the folder
// images, and returns it. The kernel is kept beside images between runs.
func arm64Images(t *testing.T, images string) string {
	t.Helper()
	cache := filepath.Join(filepath.Dir(images), "arm64-kernel")
	fetch, err := filepath.Abs("../../../.ci/arm64-kernel")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), fetch, cache).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", fetch, err, out)
	}
	kernel := read(t, filepath.Join(cache, "vmlinuz"))
	version := strings.TrimSpace(string(read(t, filepath.Join(cache, "version"))))

	dir := t.TempDir()
	link(t, filepath.Join(images, "debian12"), filepath.Join(dir, "debian12"))
	writeImage(t, filepath.Join(dir, probeImage), image.Manifest{
		Name: probeImage, Created: time.Now().UTC(), Release: "bookworm", Arch: "arm64", Kernel: version,
	}, map[string][]byte{
		image.KernelFile: kernel, image.InitrdFile: probeInitramfs(t), image.BaseFile: {}, image.RootFile: {},
	})
	return dir
}

// link makes a folder of the files of another, without copying them where that can be.
func link(t *testing.T, from, to string) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatalf("%v: build the image with `make image`", err)
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if os.Link(filepath.Join(from, f.Name()), filepath.Join(to, f.Name())) == nil {
			continue
		}
		// Another file system.
		if err := os.WriteFile(filepath.Join(to, f.Name()), read(t, filepath.Join(from, f.Name())), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func writeImage(t *testing.T, dir string, m image.Manifest, files map[string][]byte) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m.Files = map[string]image.File{}
	for name, content := range files {
		sum := sha256.Sum256(content)
		m.Files[name] = image.File{Name: name, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := image.ParseManifest(manifest); err != nil {
		t.Fatalf("the test's own manifest: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, image.ManifestFile), manifest, 0o644); err != nil {
		t.Fatal(err)
	}
}

// probeInitramfs builds the probe for arm64 and packs it.
func probeInitramfs(t *testing.T) []byte {
	t.Helper()
	program := filepath.Join(t.TempDir(), "init")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the probe: %v\n%s", err, out)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := cpio.Newc.Writer(z)
	err := cpio.WriteRecords(w, []cpio.Record{
		cpio.Directory("dev", 0o755),
		// Where the kernel sends /init's output (Documentation/filesystems/ramfs-rootfs-initramfs.rst).
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.StaticFile("init", string(read(t, program)), 0o755),
	})
	if err == nil {
		err = cpio.WriteTrailer(w)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// arm64Bootfiles returns the folder of arm64's boot programs, which `rackhand
// bootfiles` fetches beside the images unless they are there already.
func arm64Bootfiles(t *testing.T, program, images string) string {
	t.Helper()
	state := filepath.Dir(images)
	folder := filepath.Join(state, "bootfiles", "arm64")
	missing := slices.ContainsFunc([]string{boot.ProgramARM64, boot.ProgramARM64HTTP, boot.ShimARM64}, func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err != nil
	})
	if !missing {
		return folder
	}
	if out, err := exec.CommandContext(t.Context(), program, "bootfiles", "--state", state, "fetch", "arm64").CombinedOutput(); err != nil {
		t.Fatalf("rackhand bootfiles fetch arm64: %v\n%s", err, out)
	}
	return folder
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
