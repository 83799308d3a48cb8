package file

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Sync writes a file's data, or a folder's entries, to disk (fsync(2)).
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// ReplaceFolder renames a folder to target, and deletes the folder that had that name. With
// RENAME_EXCHANGE (renameat2(2)), a reader finds either the old folder or the new one. On a
// file system without it, both are missing for a moment. The folder's content must be on
// disk already: see Sync. An error leaves the old folder at target.
func ReplaceFolder(folder, target string) error {
	err := os.Rename(folder, target)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		err = unix.Renameat2(unix.AT_FDCWD, folder, unix.AT_FDCWD, target, unix.RENAME_EXCHANGE)
		if err == nil {
			err = os.RemoveAll(folder)
		} else if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
			err = replaceInTwo(folder, target)
		}
	}
	if err != nil {
		return err
	}
	return Sync(filepath.Dir(target))
}

// replaceInTwo is ReplaceFolder for file systems that can't exchange two names.
func replaceInTwo(folder, target string) error {
	old := folder + ".old"
	if err := os.Rename(target, old); err != nil {
		return err
	}
	if err := os.Rename(folder, target); err != nil {
		return errors.Join(err, os.Rename(old, target))
	}
	return os.RemoveAll(old)
}
