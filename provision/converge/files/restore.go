package files

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/backup"
)

// Restore puts a copy back in its place with its mode, owner and access control list, and
// keeps a copy of what is there. It reports whether anything had to be changed.
func (f *Files) Restore(ctx context.Context, e backup.Entry) (changed bool, err error) {
	file := &catalog.File{
		Path: e.Path, Ensure: catalog.FileKind, SHA256: e.SHA256, Size: e.Size, Mode: fmt.Sprintf("%04o", e.Mode),
		Owner: strconv.FormatUint(uint64(e.UID), 10), Group: strconv.FormatUint(uint64(e.GID), 10),
	}
	if err := (&catalog.Resource{ID: catalog.ID(catalog.KindFile, e.Path), File: file}).Validate(); err != nil {
		return false, fmt.Errorf("the list of backups is damaged: %w", err)
	}
	r := &Files{Root: f.Root, Runner: f.Runner, Random: f.Random, Contents: copies{f.Backups, e}, Backups: f.Backups, Trust: f.Trust}
	p, err := r.locate(file)
	if err != nil {
		return false, err
	}
	defer p.close()
	if err := p.recover(); err != nil {
		return false, fmt.Errorf("undoing an interrupted change of %s: %w", file.Path, err)
	}
	w, err := r.want(file)
	if err != nil {
		return false, err
	}
	w.kept, w.keptACL = true, e.ACL
	switch {
	case p.exists && p.kind() == unix.S_IFDIR:
		return false, fmt.Errorf("%s is a directory: move it away first", e.Path)
	case p.exists && p.kind() == unix.S_IFREG:
		same, err := p.holds(file)
		if err != nil {
			return false, err
		}
		differ, err := w.attributes(p)
		if err != nil || same && len(differ) == 0 {
			return false, err
		}
	}
	if err := r.regular(ctx, p, w); err != nil {
		return false, err
	}
	return true, p.sync()
}

// copies gives the content of a copy.
type copies struct {
	store *backup.Store
	entry backup.Entry
}

func (c copies) Write(ctx context.Context, to *os.File, file *catalog.File) error {
	b, err := c.Read(ctx, file)
	if err == nil {
		_, err = to.Write(b)
	}
	return err
}

func (c copies) Read(context.Context, *catalog.File) ([]byte, error) {
	from, err := c.store.Open(c.entry)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	b, err := io.ReadAll(io.LimitReader(from, backup.MaxSize+1))
	if err == nil && catalog.Sum(string(b)) != c.entry.SHA256 {
		err = fmt.Errorf("the copy of %s is damaged", c.entry.Path)
	}
	return b, err
}
