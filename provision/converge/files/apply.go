package files

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

// Apply brings a file about. It returns when that is on disk. Files are replaced
// as a whole, by rename: a reader sees the old one or the new one.
func (f *Files) Apply(ctx context.Context, file *catalog.File) error {
	p, err := f.locate(file)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.recover(); err != nil {
		return fmt.Errorf("undoing an interrupted change of %s: %w", file.Path, err)
	}
	differs, err := f.differs(ctx, p, file)
	if err != nil || len(differs) == 0 {
		return err
	}
	switch {
	case file.Ensure == catalog.Absent:
		err = f.absent(ctx, p, file)
	default:
		err = f.present(ctx, p, file)
	}
	if err != nil {
		return err
	}
	return p.sync()
}

func (f *Files) present(ctx context.Context, p *place, file *catalog.File) error {
	if file.Sensitive && f.Backups != nil {
		if err := f.Backups.Secrets([]string{file.Path}); err != nil {
			return kept(file.Path, err)
		}
	}
	w, err := f.want(file)
	if err != nil {
		return err
	}
	switch file.Ensure {
	case catalog.Directory:
		return f.directory(ctx, p, w)
	case catalog.Link:
		return f.link(ctx, p, w)
	}
	return f.regular(ctx, p, w)
}

func (f *Files) absent(ctx context.Context, p *place, file *catalog.File) error {
	switch {
	case p.kind() != unix.S_IFDIR:
		if err := f.save(ctx, p, file); err != nil {
			return err
		}
		return unix.Unlinkat(p.dir, p.name, 0)
	case file.Force:
		return f.removeTree(ctx, p, file)
	}
	err := unix.Unlinkat(p.dir, p.name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return errors.New("the directory is not empty: declare its files absent too, empty it by hand, or add force: true")
	}
	return err
}

func (f *Files) directory(ctx context.Context, p *place, w want) error {
	if p.exists && p.kind() == unix.S_IFDIR {
		if err := w.setAttributes(p); err != nil {
			return err
		}
		_, err := f.below(ctx, p, w, true)
		return err
	}
	w.inherits = f.inheritsACL(p, w)
	if w.mode < 0 {
		w.mode = 0o755
	}
	if p.exists {
		return f.beside(ctx, p, w, func(temp string) error {
			if err := unix.Mkdirat(p.dir, temp, 0o700); err != nil {
				return fmt.Errorf("making a directory beside %s: %w", w.Path, err)
			}
			return w.setAttributes(&place{dir: p.dir, name: temp})
		})
	}
	if err := unix.Mkdirat(p.dir, p.name, 0o700); err != nil {
		return fmt.Errorf("making %s: %w", w.Path, err)
	}
	return w.setAttributes(p)
}

// regular writes a file beside its place, validates it and renames it.
func (f *Files) regular(ctx context.Context, p *place, w want) error {
	file := w.File
	if p.exists && p.kind() == unix.S_IFREG {
		same, err := p.holds(file)
		if err != nil {
			return err
		}
		if file.Keep && p.st.Nlink > 1 {
			return fmt.Errorf("%s has another name (a hard link), whose owner and mode would change too", file.Path)
		}
		// A second hard link would get the new owner, too. In that case the file is
		// replaced instead.
		if same && p.st.Nlink == 1 {
			return w.setAttributes(p)
		}
		if err := w.keep(p); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	w.inherits = f.inheritsACL(p, w)
	if w.mode < 0 {
		w.mode = 0o644
		if file.Sensitive {
			w.mode = 0o600
		}
	}
	defer f.note(file.Path)()
	temp, err := f.writeTemp(ctx, p, w)
	if err != nil {
		return err
	}
	defer p.discard(ctx, temp)
	if len(file.Validate) == 0 {
		return f.put(ctx, p, temp, file)
	}
	if strings.Contains(strings.Join(file.Validate, "\x00"), "%s") {
		if err := f.validate(ctx, file, path.Join(f.in(path.Dir(file.Path)), temp)); err != nil {
			return err
		}
		return f.put(ctx, p, temp, file)
	}
	if err := f.save(ctx, p, file); err != nil {
		return err
	}
	return f.inPlace(ctx, p, temp, file)
}

func (p *place) rename(from, to string) error {
	return unix.Renameat(p.dir, from, p.dir, to)
}

// sync puts the directory's entries on disk.
func (p *place) sync() error {
	dir, err := p.open()
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
