// Package files brings about files, directories and their absence on a host. It follows no
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
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/provider"
)

// Files brings about files, directories and their absence, below Root.
type Files struct {
	Root   string         // "" is the machine's own root
	Runner command.Runner // for validate
	Random io.Reader      // for names of temporary files
	// Contents are those that files name by their hash.
	Contents Contents
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
		if errors.Is(err, unix.ENOENT) && file.Ensure != catalog.Absent {
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

// want is a file with its numbers looked up; -1 leaves what is there.
type want struct {
	*catalog.File
	mode     int64
	uid, gid int
}

func (f *Files) want(file *catalog.File) (w want, err error) {
	w = want{File: file, mode: -1, uid: -1, gid: -1}
	if file.Mode != "" {
		mode, err := catalog.ParseMode(file.Mode)
		if err != nil {
			return w, err
		}
		w.mode = int64(mode)
	}
	if file.Owner != "" {
		if w.uid, err = f.accountID("/etc/passwd", file.Owner); err != nil {
			return w, fmt.Errorf("owner: %w", err)
		}
	}
	if file.Group != "" {
		if w.gid, err = f.accountID("/etc/group", file.Group); err != nil {
			return w, fmt.Errorf("group: %w", err)
		}
	}
	return w, nil
}

// Check returns the differences from the declaration, in words for a person; nil if there
// are none. It changes nothing.
func (f *Files) Check(_ context.Context, file *catalog.File) ([]string, error) {
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
	return f.differs(p, file)
}

// Fresh is the result of Check for an empty folder.
func (f *Files) Fresh(file *catalog.File) ([]string, error) { return f.differs(&place{}, file) }

func (f *Files) differs(p *place, file *catalog.File) ([]string, error) {
	if file.Ensure == catalog.Absent {
		if !p.exists {
			return nil, nil
		}
		return []string{"removed"}, nil
	}
	w, err := f.want(file)
	if err != nil {
		return nil, err
	}
	if file.Ensure == catalog.Directory {
		switch {
		case !p.exists:
			return []string{"directory made"}, nil
		case p.kind() != unix.S_IFDIR:
			return nil, fmt.Errorf("%s is %s: remove it first, it may hold data", file.Path, kindName(p.kind()))
		}
		return w.attributes(p), nil
	}
	switch {
	case !p.exists:
		return []string{fmt.Sprintf("made, %d bytes", size(file))}, nil
	case p.kind() == unix.S_IFLNK:
		return []string{fmt.Sprintf("a symbolic link becomes a file of %d bytes", size(file))}, nil
	case p.kind() != unix.S_IFREG:
		return nil, fmt.Errorf("%s is %s: remove it first", file.Path, kindName(p.kind()))
	}
	same, err := p.holds(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file.Path, err)
	}
	var out []string
	if !same {
		out = append(out, fmt.Sprintf("content changed, %d → %d bytes", p.st.Size, size(file)))
	}
	return append(out, w.attributes(p)...), nil
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

// attributes lists the differences in mode, owner and group.
func (w want) attributes(p *place) (out []string) {
	if now := int64(p.st.Mode & 0o7777); w.mode >= 0 && w.mode != now {
		out = append(out, fmt.Sprintf("mode %04o → %04o", now, w.mode))
	}
	if w.uid >= 0 && w.uid != int(p.st.Uid) {
		out = append(out, fmt.Sprintf("owner %d → %s", p.st.Uid, w.Owner))
	}
	if w.gid >= 0 && w.gid != int(p.st.Gid) {
		out = append(out, fmt.Sprintf("group %d → %s", p.st.Gid, w.Group))
	}
	return out
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
