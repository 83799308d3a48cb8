// Package files brings about files, directories, symbolic links and their absence on a host. It follows no
// symbolic link that an untrusted user owns, and replaces files as a whole.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/backup"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/provider"
)

// Files brings about files, directories, symbolic links and their absence, below Root.
type Files struct {
	Root   string         // "" is the machine's own root
	Runner command.Runner // for validate
	Random io.Reader      // for names of temporary files
	// Contents are those that files name by their hash.
	Contents Contents
	// Backups keeps copies of what is replaced or removed; none are kept when nil.
	Backups *backup.Store
	// Log takes warnings; may be nil.
	Log *slog.Logger
	// Trust says whose symbolic links are followed on the way to a file; those of
	// root and of the agent's user when nil.
	Trust func(uid uint32) bool

	accounts accounts
}

// Contents gives files their contents by SHA-256.
type Contents interface {
	// Write writes a file's content to a file, from its start.
	Write(ctx context.Context, to *os.File, file *catalog.File) error
	// Read is a file's content in memory.
	Read(ctx context.Context, file *catalog.File) ([]byte, error)
}

// in is an absolute path of the host, below the root.
func (f *Files) in(name string) string { return filepath.Join("/", f.Root, name) }

// place is where a resource lies on the disk: a directory and a name in it.
type place struct {
	dir    int // O_PATH
	name   string
	exists bool
	st     unix.Stat_t // of name, when it exists
	// shared: others than root may put files into the directory.
	shared func() bool
}

func (p *place) close()       { unix.Close(p.dir) }
func (p *place) kind() uint32 { return p.st.Mode & unix.S_IFMT }

func (p *place) stat() error {
	err := unix.Fstatat(p.dir, p.name, &p.st, unix.AT_SYMLINK_NOFOLLOW)
	p.exists = err == nil
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	return err
}

// old and fresh are the names of markers: while a file that is validated in its
// place hasn't passed, old is the former file, or fresh says that there was none.
// One that is found at the next run is a change that was interrupted.
func (p *place) old() string   { return "." + p.name + ".rackhand-old" }
func (p *place) fresh() string { return "." + p.name + ".rackhand-new" }

// A marker in a directory of others may be theirs, and says nothing.
func (p *place) interrupted() bool {
	var st unix.Stat_t
	marked := unix.Fstatat(p.dir, p.old(), &st, unix.AT_SYMLINK_NOFOLLOW) == nil ||
		unix.Fstatat(p.dir, p.fresh(), &st, unix.AT_SYMLINK_NOFOLLOW) == nil
	return marked && !p.shared()
}

// shared reports whether others than those that are trusted may put files into a directory;
// also if that can't be told.
func (f *Files) shared(dir int) bool {
	var st unix.Stat_t
	if unix.Fstat(dir, &st) != nil {
		return true
	}
	return !f.trusts(st.Uid) || st.Mode&0o002 != 0 || st.Mode&0o020 != 0 && st.Gid != 0
}

func (f *Files) locate(file *catalog.File) (*place, error) {
	dir, err := f.openDir(path.Dir(file.Path))
	if err != nil {
		if (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)) && file.Ensure != catalog.Absent {
			return nil, &provider.Missing{Err: fmt.Errorf("%w: declare file[%s] with ensure: directory", err, path.Dir(file.Path))}
		}
		return nil, err
	}
	p := &place{dir: dir, name: path.Base(file.Path), shared: func() bool { return f.shared(dir) }}
	if err := p.stat(); err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	return p, nil
}

// Has reports whether anything lies where a file belongs.
func (f *Files) Has(file *catalog.File) bool {
	p, err := f.locate(file)
	if err != nil {
		return false
	}
	defer p.close()
	return p.exists
}

func kindName(mode uint32) string {
	switch mode {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFREG:
		return "a file"
	}
	return "neither a file nor a directory"
}
