// Package imagetest makes images for the tests of other packages.
package imagetest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"rackhand/bootfiles/image"
)

// Name is the image that tests install: in the folder that RACKHAND_IMAGES names the
// one that `make image` has built, in that of [Small] the small one of the same name.
const Name = "debian12"

//go:embed small.sh
var smallScript string

// preinstalled are packages of the small image that the image lacks. The role of the
// rehearsals wants them, so only tests about packages fetch some.
var preinstalled = []string{"nginx"}

// Small is a folder of images beside images, in which [Name] has a third of its size:
// the same kernel, programs and systemd, without what no virtual box uses. It serves the
// tests that are about disks, streams and stages, for an emulated guest spends half its
// time on unpacking and reading what it doesn't need. The installer is that of images.
// The root is made once, and again when image or script have changed; other tests that
// ask meanwhile wait. Root is needed.
func Small(ctx context.Context, images string) (string, error) {
	m, err := image.Open(images, Name)
	if err != nil {
		return "", fmt.Errorf("%w (or run `make image`)", err)
	}
	from := filepath.Join(images, Name)
	sum := sha256.Sum256([]byte(m.Root().SHA256 + smallScript + strings.Join(preinstalled, " ")))
	// A folder for each: a test that still uses the one before keeps it.
	cache := filepath.Join(filepath.Dir(images), "images-small", hex.EncodeToString(sum[:6]))
	dir := filepath.Join(cache, m.Files[image.InitrdFile].SHA256[:12])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := image.Open(dir, Name); !errors.Is(err, image.ErrNoImage) {
		return dir, err
	}
	for _, place := range []string{cache, dir} { // files of a killed test
		left, err := filepath.Glob(filepath.Join(place, ".making-*"))
		if err != nil {
			return "", err
		}
		for _, l := range left {
			if err := os.RemoveAll(l); err != nil {
				return "", err
			}
		}
	}
	packed := filepath.Join(cache, image.RootFile)
	if _, err := os.Stat(packed); err != nil {
		if err := packSmall(ctx, filepath.Join(from, m.Root().Name), packed); err != nil {
			return "", fmt.Errorf("the small image: %w", err)
		}
	}
	return dir, putTogether(from, packed, filepath.Join(dir, Name), m)
}

// packSmall makes the file packed out of a packed root.
func packSmall(ctx context.Context, from, packed string) error {
	work, err := os.MkdirTemp(filepath.Dir(packed), ".making-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	root, debs := filepath.Join(work, "root"), filepath.Join(work, "debs")
	for _, d := range []string{root, debs} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	script := filepath.Join(work, "small.sh")
	if err := os.WriteFile(script, []byte(smallScript), 0o644); err != nil {
		return err
	}
	if err := run(ctx, "tar", "--zstd", "--numeric-owner", "--xattrs", "-xpf", from, "-C", root); err != nil {
		return err
	}
	if err := download(ctx, work, filepath.Join(root, "var/lib/dpkg/status"), debs); err != nil {
		return err
	}
	// The mounts always end with the namespace.
	if err := run(ctx, "unshare", "--mount", "sh", script, root, debs); err != nil {
		return err
	}
	done := filepath.Join(work, "packed")
	if err := run(ctx, "tar", "-I", "zstd -6 -T2", "--format=pax", "--numeric-owner", "--xattrs", "--acls", "-cf", done, "-C", root, "."); err != nil {
		return err
	}
	return os.Rename(done, packed)
}

// putTogether makes the image in the folder to out of a packed root and, for all else,
// the files of the image m in the folder from.
func putTogether(from, packed, to string, m *image.Manifest) error {
	folder, err := os.MkdirTemp(filepath.Dir(to), ".making-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o755); err != nil {
		return err
	}
	root := m.Root()
	delete(m.Files, root.Name)
	// Links: an image's files never change, another one takes their place.
	for name := range m.Files {
		if err := os.Link(filepath.Join(from, name), filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	if err := os.Link(packed, filepath.Join(folder, image.RootFile)); err != nil {
		return err
	}
	small := image.File{Name: image.RootFile}
	if small.Size, small.SHA256, err = fileSum(packed); err != nil {
		return err
	}
	m.Files[small.Name] = small
	m.Unpacked = m.Unpacked * small.Size / root.Size
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, image.ManifestFile), text, 0o644); err != nil {
		return err
	}
	return os.Rename(folder, to)
}

// download fetches preinstalled and what of their dependencies a root lacks, by this
// machine's own apt with a state of its own.
func download(ctx context.Context, work, status, debs string) error {
	sources, err := image.HostSources("bookworm")
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, s := range sources {
		fmt.Fprintln(&list, s.Line())
	}
	state := filepath.Join(work, "apt")
	if err := os.MkdirAll(filepath.Join(state, "lists", "partial"), 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(debs, "partial"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(state, "sources.list"), []byte(list.String()), 0o644); err != nil {
		return err
	}
	apt := []string{
		"-q", "-y", "-o", "Dir::State::lists=" + state + "/lists", "-o", "Dir::State::status=" + status,
		"-o", "Dir::Cache=" + state, "-o", "Dir::Cache::archives=" + debs, "-o", "Dir::Etc::sourcelist=" + state + "/sources.list",
		"-o", "Dir::Etc::sourceparts=/dev/null", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none", "-o", "Debug::NoLocking=true",
	}
	if err := run(ctx, "apt-get", append(apt, "update")...); err != nil {
		return err
	}
	return run(ctx, "apt-get", append(append(apt, "--download-only", "--no-install-recommends", "install"), preinstalled...)...)
}

func fileSum(path string) (size int64, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return size, hex.EncodeToString(h.Sum(nil)), err
}

func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it ends with a test that is killed
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out[max(0, len(out)-4000):])
	}
	return nil
}
