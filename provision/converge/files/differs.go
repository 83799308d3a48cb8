package files

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"rackhand/provision/catalog"
)

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
	case file.Keep && p.kind() == unix.S_IFLNK:
		return nil, fmt.Errorf("%s is a symbolic link: declare the file that it points to", file.Path)
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
