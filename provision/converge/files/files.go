// Package files brings about files, directories, symbolic links and their absence on a host. It follows no
// symbolic link that an untrusted user owns, and replaces files as a whole.
package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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
	// Trust says whose symbolic links are followed on the way to a file; those of
	// root and of the agent's user when nil.
	Trust func(uid uint32) bool
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

func (p *place) interrupted() bool {
	var st unix.Stat_t
	return unix.Fstatat(p.dir, p.old(), &st, unix.AT_SYMLINK_NOFOLLOW) == nil ||
		unix.Fstatat(p.dir, p.fresh(), &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

func (f *Files) locate(file *catalog.File) (*place, error) {
	dir, err := f.openDir(path.Dir(file.Path))
	if err != nil {
		if (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)) && file.Ensure != catalog.Absent {
			return nil, &provider.Missing{Err: fmt.Errorf("%w: declare file[%s] with ensure: directory", err, path.Dir(file.Path))}
		}
		return nil, err
	}
	p := &place{dir: dir, name: path.Base(file.Path)}
	if err := p.stat(); err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	return p, nil
}

// Check returns the differences from the declaration, in words for a person; nil if there
// are none. It changes nothing.
func (f *Files) Check(ctx context.Context, file *catalog.File) ([]string, error) {
	p, err := f.locate(file)
	if file.Ensure == catalog.Absent && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)) {
		return nil, nil // its folder is absent
	}
	if err != nil {
		return nil, err
	}
	defer p.close()
	if p.interrupted() {
		return []string{"undo a change that was interrupted before it was validated"}, nil
	}
	return f.differs(ctx, p, file)
}

// Fresh is the result of Check for an empty folder.
func (f *Files) Fresh(file *catalog.File) ([]string, error) {
	return f.differs(context.Background(), &place{}, file)
}

func (f *Files) differs(ctx context.Context, p *place, file *catalog.File) ([]string, error) {
	if file.Ensure == catalog.Absent {
		return f.removed(ctx, p, file)
	}
	w, err := f.want(file)
	if err != nil {
		return nil, err
	}
	switch file.Ensure {
	case catalog.Directory:
		return f.directoryDiffers(ctx, p, w)
	case catalog.Link:
		return f.linkDiffers(ctx, p, w)
	}
	becomes := fmt.Sprintf("a file of %d bytes", size(file))
	switch {
	case !p.exists:
		return []string{fmt.Sprintf("made, %d bytes", size(file))}, nil
	case p.kind() == unix.S_IFLNK:
		return []string{"a symbolic link becomes " + becomes}, nil
	case p.kind() != unix.S_IFREG:
		return f.inTheWay(ctx, p, file, becomes)
	}
	same, err := p.holds(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file.Path, err)
	}
	var out []string
	if !same {
		out = append(out, fmt.Sprintf("content changed, %d → %d bytes", p.st.Size, size(file)))
	}
	more, err := w.attributes(p)
	return append(out, more...), err
}

// removed is differs for what is to be absent.
func (f *Files) removed(ctx context.Context, p *place, file *catalog.File) ([]string, error) {
	if !p.exists {
		return nil, nil
	}
	if p.kind() != unix.S_IFDIR {
		return []string{"removed"}, nil
	}
	gone, err := f.content(ctx, p, file)
	switch {
	case err != nil:
		return nil, err
	case len(gone) == 0:
		return []string{"removed"}, nil
	case !file.Force: // others may remove what is in it, before this
		return []string{"removed, once it is empty: it has " + count(gone, "1 entry", "entries")}, nil
	}
	return []string{"removed, with " + count(gone, "1 entry", "entries")}, nil
}

func (f *Files) directoryDiffers(ctx context.Context, p *place, w want) ([]string, error) {
	switch {
	case !p.exists:
		return []string{"directory made"}, nil
	case p.kind() != unix.S_IFDIR:
		return f.inTheWay(ctx, p, w.File, "a directory")
	}
	out, err := w.attributes(p)
	if err != nil {
		return nil, err
	}
	below, err := f.below(ctx, p, w, false)
	return append(out, below...), err
}

// size is that of a file's declared content, in bytes.
func size(file *catalog.File) int64 {
	if file.SHA256 != "" {
		return file.Size
	}
	return int64(len(file.Content))
}

// holds compares the content of a regular file with the declared one.
func (p *place) holds(declared *catalog.File) (bool, error) {
	if p.st.Size != size(declared) {
		return false, nil
	}
	// O_NONBLOCK: it may have become a pipe since it was looked at.
	fd, err := unix.Openat(p.dir, p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	file := os.NewFile(uintptr(fd), p.name)
	defer file.Close()
	if declared.SHA256 == "" {
		b, err := io.ReadAll(io.LimitReader(file, size(declared)+1))
		return string(b) == declared.Content, err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, io.LimitReader(file, size(declared)+1))
	if err != nil {
		return false, err
	}
	return n == declared.Size && hex.EncodeToString(hash.Sum(nil)) == declared.SHA256, nil
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
