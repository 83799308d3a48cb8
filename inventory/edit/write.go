package edit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// write replaces the old text with the new one. It follows a link and replaces the link's
// target.
func (f Folder) write(o Outcome, isNew bool) error {
	path := filepath.Join(f.Dir, o.File)
	mode := renameio.WithPermissions(0o644)
	var owner *syscall.Stat_t
	if !isNew {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return changed(o.File)
		}
		path = real
		info, err := os.Stat(path)
		if err != nil {
			return changed(o.File)
		}
		mode = renameio.WithStaticPermissions(info.Mode().Perm())
		owner, _ = info.Sys().(*syscall.Stat_t)
	}
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)), mode)
	if err != nil {
		return fmt.Errorf("writing %s: %w", o.File, err)
	}
	defer pending.Cleanup()
	if owner != nil {
		if err := keepOwner(pending.File, owner); err != nil {
			return refuse("run it as that user, or as root", "%s belongs to another user (%d:%d), which could not be kept: %v", o.File, owner.Uid, owner.Gid, err)
		}
	}
	if _, err := pending.Write(o.After); err != nil {
		return fmt.Errorf("writing %s: %w", o.File, err)
	}
	// Synced now, so that nothing slow lies between the last look and the rename.
	if err := pending.Sync(); err != nil {
		return fmt.Errorf("writing %s: %w", o.File, err)
	}
	now, err := readFile(path)
	if isNew && !errors.Is(err, fs.ErrNotExist) || !isNew && (err != nil || !bytes.Equal(now, o.Before)) {
		return changed(o.File)
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing %s: %w", o.File, err)
	}
	return nil
}

func changed(file string) error {
	return refuse("run it again", "%s was changed by somebody else meanwhile: nothing was written", file)
}

// keepOwner gives a new file the owner of the old one. A member of its group may edit a file
// that its group may write: then the new one is the member's, of the same group.
func keepOwner(file *os.File, want *syscall.Stat_t) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if have, ok := info.Sys().(*syscall.Stat_t); ok && have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	err = file.Chown(int(want.Uid), int(want.Gid))
	if errors.Is(err, fs.ErrPermission) && want.Mode&syscall.S_IWGRP != 0 && file.Chown(-1, int(want.Gid)) == nil {
		return nil
	}
	return err
}
