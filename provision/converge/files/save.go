package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/backup"
)

// keeps reports whether copies are kept of what a declaration replaces or removes.
func (f *Files) keeps(file *catalog.File) bool {
	return f.Backups != nil && !file.Sensitive && (file.Backup == nil || *file.Backup)
}

// save keeps a copy of the regular file at a place that is about to be replaced or removed,
// or of all regular files in the directory there.
func (f *Files) save(ctx context.Context, p *place, file *catalog.File) error {
	if !p.exists || !f.keeps(file) {
		return nil
	}
	switch p.kind() {
	case unix.S_IFREG:
		b, err := f.Backups.Begin()
		if err == nil {
			err = f.copy(b, p.dir, p.name, file.Path, file)
		}
		if err == nil {
			err = b.Commit()
		}
		if unwritable(err) {
			// The host is to be put right all the same: that may be what the disk needs.
			if f.Log != nil {
				f.Log.Warn("a file is changed, and no copy of it is kept", "file", file.Path, "error", err)
			}
			return nil
		}
		return kept(file.Path, err)
	case unix.S_IFDIR:
		top, err := p.openTop()
		if err != nil {
			return err
		}
		defer unix.Close(top)
		return f.saveTree(ctx, file, newPurge(nil, true), top)
	}
	return nil
}

// saveTree keeps copies of the regular files that a removal finds below a directory.
func (f *Files) saveTree(ctx context.Context, file *catalog.File, u *purge, top int) error {
	if !f.keeps(file) {
		return nil
	}
	b, err := f.Backups.Begin()
	if err != nil {
		return kept(file.Path, err)
	}
	u.save = func(e *entry) error { return f.copy(b, e.dir, e.name, path.Join(file.Path, e.path), file) }
	err = u.run(ctx, top)
	u.save = nil
	if err == nil {
		err = b.Commit()
	}
	return kept(file.Path, err)
}

// unwritable reports whether the agent's folder is full or read-only.
func unwritable(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.EDQUOT)
}

func kept(name string, err error) error {
	if err != nil {
		return fmt.Errorf("keeping a copy of what is at %s: %w; backup: false goes on without one", name, err)
	}
	return nil
}

// copy adds a regular file to a batch.
func (f *Files) copy(b *backup.Batch, dir int, name, at string, file *catalog.File) error {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	from := os.NewFile(uintptr(fd), name)
	defer from.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || !b.Takes(at, st.Size) {
		return nil
	}
	acl, err := rawACL(fd, accessACL)
	if err != nil {
		return err
	}
	return b.Add(backup.Entry{
		Path: at, Resource: catalog.ID(catalog.KindFile, file.Path), Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid, ACL: acl,
	}, from)
}

// Begin prepares a run: it removes the temporary file of a killed one, and lets no copies be
// kept of the files of a catalog that hold secrets.
func (f *Files) Begin(c *catalog.Catalog) error {
	if err := f.sweep(); err != nil {
		return fmt.Errorf("removing the temporary file of a killed run: %w", err)
	}
	if f.Backups == nil {
		return nil
	}
	var secrets []string
	for _, r := range c.Resources {
		if r.File != nil && r.File.Sensitive {
			secrets = append(secrets, r.File.Path)
		}
	}
	return f.Backups.Secrets(secrets)
}
