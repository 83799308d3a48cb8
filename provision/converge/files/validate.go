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

// validate runs the command of a file, with the path of the new content for %s.
func (f *Files) validate(ctx context.Context, file *catalog.File, newPath string) error {
	args := make([]string, len(file.Validate))
	for i, word := range file.Validate {
		args[i] = strings.ReplaceAll(word, "%s", newPath)
	}
	out, err := f.Runner.Run(ctx, nil, args...)
	switch {
	case err != nil:
		return fmt.Errorf("validate: %w", err)
	case out.Code != 0 && file.Sensitive:
		return fmt.Errorf("%s refuses the new content: exit status %d (its output is withheld because the file is sensitive); the old content stays", args[0], out.Code)
	case out.Code != 0:
		return fmt.Errorf("%s refuses the new content: %s; the old content stays", args[0], out.Explain())
	}
	return nil
}

// inPlace puts the new content in its place for a command that looks nowhere
// else (nginx -t), and takes it back if the command refuses it. A marker on disk
// lets the next run undo it if this one dies in between.
func (f *Files) inPlace(ctx context.Context, p *place, temp string, file *catalog.File) error {
	if p.shared() {
		return fmt.Errorf("others may write to %s, so a new file can't be tried in its place there: validate it by its path, %%s", path.Dir(file.Path))
	}
	if p.exists {
		if err := unix.Linkat(p.dir, p.name, p.dir, p.old(), 0); err != nil {
			return fmt.Errorf("keeping the old %s until the new one is validated: %w", file.Path, err)
		}
	} else {
		fd, err := unix.Openat(p.dir, p.fresh(), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return fmt.Errorf("marking %s as new until it is validated: %w", file.Path, err)
		}
		unix.Close(fd)
	}
	err := p.sync()
	if err == nil {
		err = p.rename(temp, p.name)
	}
	if err == nil {
		err = p.sync()
	}
	if err == nil {
		err = f.validate(ctx, file, "")
	}
	if err != nil {
		return errors.Join(err, p.recover())
	}
	return p.unmark()
}

// recover undoes what was put in place without having been validated.
func (p *place) recover() error {
	if !p.interrupted() {
		return nil
	}
	var st unix.Stat_t
	if unix.Fstatat(p.dir, p.fresh(), &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
		if err := unix.Unlinkat(p.dir, p.name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	} else if err := p.rename(p.old(), p.name); err != nil {
		return err
	}
	if err := p.sync(); err != nil {
		return err
	}
	if err := p.unmark(); err != nil {
		return err
	}
	return p.stat()
}

// unmark removes the markers. Renaming a name over another one of the same file
// does nothing (rename(2)), so old may still be there after recover.
func (p *place) unmark() error {
	for _, name := range []string{p.old(), p.fresh()} {
		if err := unix.Unlinkat(p.dir, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return p.sync()
}
