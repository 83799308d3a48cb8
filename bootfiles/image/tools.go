package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rackhand/config/file"
)

// toolsRelease is the release of Debian whose tools serve roots that don't have them. Boot
// loaders of older releases can read the file systems of its mke2fs.
const toolsRelease = "bookworm"

// toolsRoot is a folder with the programs for the initramfs of a root that isn't
// Debian's or Ubuntu's, made once and kept as DIR/.tools-HASH: docs/decisions/0012.
func toolsRoot(ctx context.Context, o Options) (root string, names []string, err error) {
	place, err := toolsFolder(ctx, o)
	if err != nil {
		return "", nil, err
	}
	data, err := os.ReadFile(filepath.Join(place, appletsFile))
	return place, strings.Fields(string(data)), err
}

// toolsPlace is where this program's tools lie below the folder of all images.
func toolsPlace(dir string) string {
	h := sha256.New()
	fmt.Fprintln(h, builder, toolsRelease, toolPackages(), programs())
	return filepath.Join(dir, ".tools-"+hex.EncodeToString(h.Sum(nil))[:16])
}

func toolsFolder(ctx context.Context, o Options) (string, error) {
	recipe := Recipe{Distribution: "debian", Release: toolsRelease}
	place := toolsPlace(o.Dir)
	// Two builds that need it at a time: the second one waits and finds it.
	f, err := os.OpenFile(filepath.Join(o.Dir, ".tools.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
		return place, err
	}
	o.Log.Info("image: get the installer's tools out of Debian's packages, once", "release", toolsRelease)
	if err := removeOld(o.Dir, ".tools-"); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(o.Dir, ".tools-new~*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil { // apt fetches as a user of its own
		return "", err
	}
	root := filepath.Join(work, "root")
	if err := makeTools(ctx, o, recipe, work, root); err != nil {
		return "", fmt.Errorf("get the installer's tools out of Debian's packages: %w", err)
	}
	if err := os.Rename(root, place); err != nil {
		return "", err
	}
	return place, file.Sync(o.Dir)
}

// makeTools unpacks the packages; no script of theirs is run, and nothing installed.
func makeTools(ctx context.Context, o Options, recipe Recipe, work, root string) error {
	sources, err := HostSources(toolsRelease)
	if err != nil {
		return err
	}
	full := filepath.Join(work, "full")
	list, add, err := mmdebstrapFiles(work, sources, recipe)
	if err != nil {
		return err
	}
	args := []string{
		"--mode=root", "--variant=extract", "--format=directory", "--architectures=" + arch,
		"--aptopt=APT::Install-Recommends \"false\"", "--aptopt=Acquire::Languages \"none\"", "--aptopt=Acquire::Retries \"3\"",
		"--include=" + strings.Join(toolPackages(), ","), "--setup-hook=tar-in " + add + " /",
		toolsRelease, full, list,
	}
	if err := explainDeb(run(ctx, o.Log, "mmdebstrap", args...), recipe); err != nil {
		return err
	}
	names, err := applets(ctx, full)
	if err != nil {
		return err
	}
	// All that the initramfs takes is tried now, not by the image that comes next; the
	// rest (Perl, Python, which the packages ask for) isn't kept.
	r, err := os.OpenRoot(full)
	if err != nil {
		return err
	}
	defer r.Close()
	t := newTree(r)
	if err := fillTools(t, nil); err != nil {
		return err
	}
	if err := writeTree(root, t.sorted()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, appletsFile), []byte(strings.Join(names, "\n")+"\n"), 0o644)
}

// writeTree writes folders, files and links below a folder that it makes.
func writeTree(dir string, entries []entry) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	out, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, e := range entries {
		switch e.Mode & 0o170000 {
		case modeDir:
			err = out.Mkdir(e.Name, 0o755)
		case modeLink:
			err = out.Symlink(string(e.Data), e.Name)
		case modeFile:
			mode := os.FileMode(e.Mode & 0o777)
			if err = out.WriteFile(e.Name, e.Data, mode); err == nil {
				err = out.Chmod(e.Name, mode) // regardless of the umask
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// appletsFile lies in the tools' folder and lists busybox's applets.
const appletsFile = "applets"

// removeOld removes the tools of other versions of this program.
func removeOld(dir, prefix string) error {
	old, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

// applets are the names that a root's busybox answers to.
func applets(ctx context.Context, root string) ([]string, error) {
	out, err := exec.CommandContext(ctx, "chroot", root, "busybox", "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("ask the root's busybox for its applets: %w", err)
	}
	return strings.Fields(string(out)), nil
}
