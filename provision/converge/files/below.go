package files

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// below lists, in words, what purge and recurse change in a directory. With act it changes
// that, too.
func (f *Files) below(ctx context.Context, p *place, w want, act bool) (out []string, err error) {
	if !w.Purge && !w.Recurse {
		return nil, nil
	}
	top, err := p.openTop()
	if err != nil {
		return nil, err
	}
	defer unix.Close(top)
	if err := f.protects(top); err != nil {
		return nil, err
	}
	var gone []string
	if w.Purge {
		u := newPurge(w.Declared, w.Force)
		if err := u.run(ctx, top); err != nil {
			return nil, err
		}
		if err := u.refused(); err != nil {
			return nil, err
		}
		if len(u.gone) > 0 {
			if act {
				err = f.remove(ctx, w.File, u, top)
			}
			out = append(out, "purge removes "+count(u.gone, "1 entry", "entries"))
		}
		if err != nil {
			return nil, err
		}
		gone = u.gone
	}
	if w.Recurse {
		r := newRecursion(w, gone)
		if err := r.run(ctx, top); err != nil {
			return nil, err
		}
		if err := r.refused(); err != nil {
			return nil, err
		}
		if len(r.differ) > 0 {
			out = append(out, "recurse changes owner, group or mode of "+count(r.differ, "1 entry", "entries"))
		}
		if act {
			r.act = true
			return out, r.run(ctx, top)
		}
	}
	return out, nil
}

// removeTree removes a directory with all that is in it.
func (f *Files) removeTree(ctx context.Context, p *place, file *catalog.File) error {
	top, err := p.openTop()
	if err != nil {
		return err
	}
	defer unix.Close(top)
	u, err := f.wholeTree(ctx, p, file, top)
	if err == nil {
		err = f.remove(ctx, file, u, top)
	}
	if err != nil {
		return err
	}
	return unix.Unlinkat(p.dir, p.name, unix.AT_REMOVEDIR)
}

// content lists all that is in a directory that goes as a whole.
func (f *Files) content(ctx context.Context, p *place, file *catalog.File) ([]string, error) {
	top, err := p.openTop()
	if err != nil {
		return nil, err
	}
	defer unix.Close(top)
	u, err := f.wholeTree(ctx, p, file, top)
	if err != nil {
		return nil, err
	}
	return u.gone, nil
}

// wholeTree looks at a directory that goes as a whole. An error says why it can't.
func (f *Files) wholeTree(ctx context.Context, p *place, file *catalog.File, top int) (*purge, error) {
	u := newPurge(nil, true)
	if err := u.run(ctx, top); err != nil || !file.Force {
		return u, err
	}
	if err := f.protects(top); err != nil {
		return nil, err
	}
	e := &entry{dir: p.dir, name: p.name, path: file.Path}
	if _, err := e.stat(); err != nil {
		return nil, err
	}
	if e.mount {
		u.mounts = append(u.mounts, ".")
	}
	if len(u.mounts) > 0 {
		return nil, fmt.Errorf("%s can't be removed: in it, something is mounted at %s", file.Path, listed(u.mounts))
	}
	return u, nil
}

// remove removes what a walk has found, after copies are kept.
func (f *Files) remove(ctx context.Context, file *catalog.File, u *purge, top int) error {
	if err := f.saveTree(ctx, file, u, top); err != nil {
		return err
	}
	u.act = true
	return u.run(ctx, top)
}

// protects returns an error if a directory is one that the system needs, by whatever path it
// was reached.
func (f *Files) protects(top int) error {
	// Without a question to a server: that of another file system may be gone.
	const flags, fields = unix.AT_STATX_DONT_SYNC | unix.AT_NO_AUTOMOUNT, unix.STATX_INO
	var at, st unix.Statx_t
	if err := unix.Statx(top, "", flags|unix.AT_EMPTY_PATH, fields, &at); err != nil {
		return err
	}
	for _, name := range catalog.ProtectedPaths() {
		err := unix.Statx(unix.AT_FDCWD, f.in(name), flags, fields, &st)
		if err == nil && st.Ino == at.Ino && st.Dev_major == at.Dev_major && st.Dev_minor == at.Dev_minor {
			return errors.New("it is " + name + ", which the system needs: name a directory further down")
		}
	}
	return nil
}
