package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/bootfiles"
)

// workPrefix begins the names of folders in which a fetch works.
const workPrefix = ".fetching-"

// lockDir keeps two fetches apart, and removes what killed ones have left. The lock
// is the kernel's (flock): a killed fetch leaves none behind.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.New("another fetch runs at this moment: wait for it to end")
		}
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), workPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("remove what a killed fetch left: %w", err)
	}
	return f, nil
}

// place writes the manifest, and puts the folder where it belongs. With
// RENAME_EXCHANGE a reader finds the old programs or the new ones at every moment.
func place(folder, target string, m *bootfiles.Fetched) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, bootfiles.FetchedManifest), append(data, '\n'), 0o644); err != nil {
		return err
	}
	// On disk before the rename is.
	for _, f := range append(m.Files, bootfiles.FetchedFile{Name: bootfiles.FetchedManifest}, bootfiles.FetchedFile{Name: "."}) {
		if err := syncPath(filepath.Join(folder, f.Name)); err != nil {
			return err
		}
	}
	err = os.Rename(folder, target)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		// The old ones go with the working folder.
		err = unix.Renameat2(unix.AT_FDCWD, folder, unix.AT_FDCWD, target, unix.RENAME_EXCHANGE)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // not on this file system
			if err = os.Rename(target, folder+".old"); err == nil {
				err = os.Rename(folder, target)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("put the programs in their place: %w", err)
	}
	return syncPath(filepath.Dir(target))
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
