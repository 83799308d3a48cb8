package files

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// linkDiffers is differs for a symbolic link.
func (f *Files) linkDiffers(ctx context.Context, p *place, w want) ([]string, error) {
	switch {
	case !p.exists:
		return []string{"link to " + w.Target + " made"}, nil
	case p.kind() != unix.S_IFLNK:
		return f.inTheWay(ctx, p, w.File, "a link to "+w.Target)
	}
	var out []string
	target, err := p.target()
	if err != nil {
		return nil, err
	}
	if target != w.Target {
		out = append(out, fmt.Sprintf("target %s → %s", target, w.Target))
	}
	more, err := w.attributes(p)
	return append(out, more...), err
}

// target is that of a symbolic link.
func (p *place) target() (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(p.dir, p.name, buf)
	if err != nil {
		return "", fmt.Errorf("reading the link %s: %w", p.name, err)
	}
	return string(buf[:n]), nil
}

// link makes a symbolic link beside its place and renames it.
func (f *Files) link(ctx context.Context, p *place, w want) error {
	if p.exists && p.kind() == unix.S_IFLNK && !w.wouldTrust(p.st.Uid) {
		if target, err := p.target(); err == nil && target == w.Target {
			return w.setLink(p.dir, p.name)
		}
	}
	return f.beside(ctx, p, w, func(temp string) error {
		if err := unix.Symlinkat(w.Target, p.dir, temp); err != nil {
			return fmt.Errorf("making a link beside %s: %w", w.Path, err)
		}
		return w.setLink(p.dir, temp)
	})
}

// beside has something made under another name beside a place, and puts it there.
func (f *Files) beside(ctx context.Context, p *place, w want, fill func(temp string) error) error {
	defer f.note(w.Path)()
	temp, err := f.tempName(ctx, p)
	if err != nil {
		return err
	}
	defer p.discard(ctx, temp)
	if err := fill(temp); err != nil {
		return err
	}
	return f.put(ctx, p, temp, w.File)
}

// put renames something to its place. What is in the way of another kind goes, and a copy of
// a file is kept.
func (f *Files) put(ctx context.Context, p *place, temp string, file *catalog.File) error {
	if err := f.save(ctx, p, file); err != nil {
		return err
	}
	err := p.rename(temp, p.name)
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.ENOTDIR) {
		return err
	}
	// The two change places at once, where the file system can (rename(2)).
	err = unix.Renameat2(p.dir, temp, p.dir, p.name, unix.RENAME_EXCHANGE)
	old := temp
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		old = temp + "0"
		if err = p.rename(p.name, old); err == nil {
			err = p.rename(temp, p.name)
		}
	}
	if err != nil {
		return err
	}
	if err := p.discard(ctx, old); err != nil {
		return fmt.Errorf("removing what was at %s, now called %s: %w", file.Path, old, err)
	}
	return nil
}

// discard removes what lies under a temporary name, a directory with all that is in it.
func (p *place) discard(ctx context.Context, temp string) error {
	err := unix.Unlinkat(p.dir, temp, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) {
		return err
	}
	old := &place{dir: p.dir, name: temp}
	top, err := old.openTop()
	if err != nil {
		return err
	}
	defer unix.Close(top)
	u := newPurge(nil, true)
	u.act = true
	if err := u.run(ctx, top); err != nil {
		return err
	}
	return unix.Unlinkat(p.dir, temp, unix.AT_REMOVEDIR)
}

// inTheWay says what becomes of something of another kind than the declared one. Without
// force, it stays, since it may hold data.
func (f *Files) inTheWay(ctx context.Context, p *place, file *catalog.File, becomes string) ([]string, error) {
	kind := kindName(p.kind())
	if p.kind() == unix.S_IFDIR {
		gone, err := f.content(ctx, p, file)
		if err != nil {
			return nil, err
		}
		if len(gone) > 0 {
			kind = fmt.Sprintf("%s with %d entries", kind, len(gone))
		} else if file.Ensure == catalog.Link {
			return []string{"an empty directory becomes " + becomes}, nil
		}
	}
	if !file.Force {
		return nil, fmt.Errorf("%s is %s: remove it first, it may hold data, or add force: true", file.Path, kind)
	}
	return []string{fmt.Sprintf("%s becomes %s", kind, becomes)}, nil
}
