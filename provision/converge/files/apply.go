package files

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
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
	differs, err := f.differs(p, file)
	if err != nil || len(differs) == 0 {
		return err
	}
	switch {
	case file.Ensure == catalog.Absent:
		err = p.remove()
	case file.Ensure == catalog.Directory:
		err = f.directory(p, file)
	default:
		err = f.regular(ctx, p, file)
	}
	if err != nil {
		return err
	}
	return p.sync()
}

func (p *place) remove() error {
	if p.kind() != unix.S_IFDIR {
		return unix.Unlinkat(p.dir, p.name, 0)
	}
	err := unix.Unlinkat(p.dir, p.name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return errors.New("the directory is not empty: declare its files absent too, or empty it by hand")
	}
	return err
}

func (f *Files) directory(p *place, file *catalog.File) error {
	w, err := f.want(file)
	if err != nil {
		return err
	}
	if !p.exists {
		if err := unix.Mkdirat(p.dir, p.name, 0o700); err != nil {
			return fmt.Errorf("making %s: %w", file.Path, err)
		}
		if w.mode < 0 {
			w.mode = 0o755
		}
	}
	return w.setAttributes(p)
}

// setAttributes sets mode, owner and group of what is there already. Owner
// first, since chown(2) clears set-user-ID.
func (w want) setAttributes(p *place) error {
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening %s: %w", w.Path, err)
	}
	defer unix.Close(fd)
	return w.setOn(fd)
}

func (w want) setOn(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	mode := w.mode
	if mode < 0 {
		mode = int64(st.Mode & 0o7777)
	}
	if w.uid >= 0 && w.uid != int(st.Uid) || w.gid >= 0 && w.gid != int(st.Gid) {
		if err := unix.Fchown(fd, w.uid, w.gid); err != nil {
			return fmt.Errorf("setting the owner of %s: %w", w.Path, err)
		}
	}
	if err := unix.Fchmod(fd, uint32(mode)); err != nil {
		return fmt.Errorf("setting the mode of %s: %w", w.Path, err)
	}
	return unix.Fsync(fd)
}

// regular writes a file beside its place, validates it and renames it.
func (f *Files) regular(ctx context.Context, p *place, file *catalog.File) error {
	w, err := f.want(file)
	if err != nil {
		return err
	}
	if p.exists && p.kind() == unix.S_IFREG {
		same, err := p.holds(file)
		if err != nil {
			return err
		}
		// A second hard link would get the new owner, too. In that case the file is
		// replaced instead.
		if same && p.st.Nlink == 1 {
			return w.setAttributes(p)
		}
		w.keep(&p.st)
	}
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
	defer unix.Unlinkat(p.dir, temp, 0)
	if len(file.Validate) == 0 {
		return p.rename(temp, p.name)
	}
	if strings.Contains(strings.Join(file.Validate, "\x00"), "%s") {
		if err := f.validate(ctx, file, path.Join(f.in(path.Dir(file.Path)), temp)); err != nil {
			return err
		}
		return p.rename(temp, p.name)
	}
	return f.inPlace(ctx, p, temp, file)
}

// keep takes over the attributes that aren't declared.
func (w *want) keep(st *unix.Stat_t) {
	if w.mode < 0 {
		w.mode = int64(st.Mode & 0o7777)
	}
	if w.uid < 0 {
		w.uid = int(st.Uid)
	}
	if w.gid < 0 {
		w.gid = int(st.Gid)
	}
}

func (f *Files) writeTemp(ctx context.Context, p *place, w want) (name string, err error) {
	// Only the agent writes these files, so an existing one is left over from a crash.
	prefix := p.tempPrefix()
	if err := p.sweep(prefix); err != nil {
		return "", err
	}
	random := make([]byte, 8)
	if _, err := io.ReadFull(f.Random, random); err != nil {
		return "", fmt.Errorf("a name for a temporary file: %w", err)
	}
	name = prefix + hex.EncodeToString(random)
	fd, err := unix.Openat(p.dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return "", fmt.Errorf("writing beside %s: %w", w.Path, err)
	}
	file := os.NewFile(uintptr(fd), name)
	err = f.writeContent(ctx, file, w.File)
	if err == nil {
		err = w.setOn(fd) // and fsync
	}
	if err = errors.Join(err, file.Close()); err != nil {
		unix.Unlinkat(p.dir, name, 0)
		return "", fmt.Errorf("writing %s: %w", w.Path, err)
	}
	return name, nil
}

func (f *Files) writeContent(ctx context.Context, to *os.File, file *catalog.File) error {
	if file.SHA256 == "" {
		_, err := to.WriteString(file.Content)
		return err
	}
	if f.Contents == nil {
		return errors.New("this run can't fetch contents")
	}
	return f.Contents.Write(ctx, to, file)
}

// sweep removes temporary files that a crash left behind.
func (p *place) sweep(prefix string) error {
	dir, err := p.open()
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				unix.Unlinkat(p.dir, name, 0)
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// open opens the directory for reading; an O_PATH descriptor can't be read.
func (p *place) open() (*os.File, error) {
	fd, err := unix.Openat(p.dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "."), nil
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
