package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/config/file"
)

// buildPrefix begins the names of folders in which an image is being made. The
// dot keeps them from being an image's name.
const buildPrefix = ".building-"

// A lock keeps two builds of one image apart. It is the kernel's (flock), so that
// a killed build leaves none behind.
type lock struct{ f *os.File }

// lockImage takes the lock of an image without waiting, and removes what killed
// builds of it have left: no other build works there while the lock is held.
func lockImage(dir, name string) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "."+name+".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("image %s is being built by another process; wait for it to end", name)
		}
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.Close()
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), buildPrefix+name+"~") {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				f.Close()
				return nil, fmt.Errorf("remove the files of a killed build: %w", err)
			}
		}
	}
	return &lock{f}, nil
}

func (l *lock) release() { l.f.Close() }

// buildDir makes an empty folder for a build of the image. The caller holds the
// image's lock. The tilde can't be in a name, so the folders of debian and debian-web
// differ.
func buildDir(dir, name string) (string, error) {
	work, err := os.MkdirTemp(dir, buildPrefix+name+"~*")
	if err != nil {
		return "", err
	}
	// apt fetches as a user of its own, which has to get in.
	return work, os.Chmod(work, 0o755)
}

// writeManifest writes m into the folder and syncs it and its files: the rename
// that follows must not be on disk before they are.
func writeManifest(folder string, m *Manifest) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, ManifestFile), append(data, '\n'), 0o644); err != nil {
		return err
	}
	for _, name := range append(m.FileNames(), ManifestFile, ".") {
		if err := file.Sync(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// place puts a finished folder where the image belongs, and removes the image that was
// there.
func place(folder, dir, name string) error {
	err := os.Chmod(folder, 0o755)
	if err == nil {
		err = file.ReplaceFolder(folder, filepath.Join(dir, name))
	}
	if err != nil {
		return fmt.Errorf("put image %s in its place: %w", name, err)
	}
	return nil
}

// Remove deletes the image. It is renamed first, so that no half of it can be
// opened.
func Remove(dir, name string) error {
	if _, err := Open(dir, name); errors.Is(err, ErrNoImage) {
		return err
	}
	if err := CheckName(name); err != nil {
		return err
	}
	l, err := lockImage(dir, name)
	if err != nil {
		return fmt.Errorf("remove image %s: %w", name, err)
	}
	defer l.release()
	gone, err := buildDir(dir, name)
	if err != nil {
		return fmt.Errorf("remove image %s: %w", name, err)
	}
	if err := os.Rename(filepath.Join(dir, name), filepath.Join(gone, name)); err != nil {
		return fmt.Errorf("remove image %s: %w", name, err)
	}
	if err := os.RemoveAll(gone); err != nil {
		return fmt.Errorf("remove image %s: %w", name, err)
	}
	return nil
}
