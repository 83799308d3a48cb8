package templates

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"rackhand/config/file"
)

// filesFolder is the folder beside the templates with files that they include unchanged.
const filesFolder = "files"

// file is file NAME: the text of a file in templates/files/. A name can't lead out
// of that folder, by .. or by a symbolic link.
func (s *Set) file(name string) (string, error) {
	if s.frozen == nil {
		return s.readFile(name)
	}
	return s.frozen.files.get(name, func() (string, error) { return s.readFile(name) })
}

// Open opens a file of the operator's folder as it is; fs.ErrNotExist when there is none.
// Names have no folders.
func (s *Set) Open(name string) (*os.File, error) {
	if err := plainName(name); err != nil {
		return nil, err
	}
	if s.dir == "" {
		return nil, fs.ErrNotExist
	}
	f, err := file.Open(filepath.Join(s.dir, name))
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, reason(err))
	}
	return f, nil
}

func (s *Set) readFile(name string) (string, error) {
	if s.dir == "" {
		return "", fmt.Errorf("file %q: no inventory's folder is at hand here", name)
	}
	if !fs.ValidPath(name) || name == "." {
		return "", fmt.Errorf("file %q: write a path within templates/%s/", name, filesFolder)
	}
	root, err := os.OpenRoot(filepath.Join(s.dir, filesFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("file %s: the inventory has no folder templates/%s/", name, filesFolder)
	}
	if err != nil {
		return "", fmt.Errorf("file %s: %w", name, reason(err))
	}
	defer root.Close()
	// A FIFO must not hold us up: it opens at once, and is refused below.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("file %s: there is no templates/%s/%s", name, filesFolder, name)
	}
	if err != nil {
		return "", fmt.Errorf("file %s: %w", name, reason(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("file %s: %w", name, reason(err))
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("file %s: templates/%s/%s is not a file", name, filesFolder, name)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxTemplate+1))
	if err != nil {
		return "", fmt.Errorf("file %s: %w", name, reason(err))
	}
	if len(b) > maxTemplate {
		return "", fmt.Errorf("file %s: larger than %d bytes", name, maxTemplate)
	}
	return string(b), nil
}

// reason is an error without its path, which stands before it anyway.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
