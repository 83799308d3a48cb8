// Package bootfiles finds the network boot programs (iPXE, GRUB, shim) by name: in the
// operator's own folders first, then where the distribution's packages install them. It also
// holds the programs that rackhand carries for hosts: the agent and the image installer.
// Root images are in bootfiles/image, ISOs and installation trees in bootfiles/media.
package bootfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MaxName is the longest name, in bytes, that Open looks for. It fits the file field of a
// DHCP header (RFC 2131 section 2), from which firmware takes the name.
const MaxName = 127

// Errors that callers tell apart with errors.Is.
var (
	// ErrName: the name isn't a plain file name.
	ErrName = errors.New("not the name of a boot file")
	// ErrNotFound: no such boot file; it wraps fs.ErrNotExist.
	ErrNotFound = fmt.Errorf("no such boot file: %w", fs.ErrNotExist)
	// ErrMissing: a program that rackhand serves isn't there, because
	// a package isn't installed; it is an ErrNotFound as well.
	ErrMissing = fmt.Errorf("boot program is missing: %w", ErrNotFound)
)

// Files finds boot programs by name. It keeps nothing open, and a file that is
// put in place later is found at once.
type Files struct {
	dirs    []string
	sources []source
}

// New makes Files over the operator's folders, in the order in which they are
// searched. A folder that doesn't exist yet isn't an error.
func New(dirs []string) *Files { return &Files{dirs: dirs, sources: packaged()} }

// WithFetched adds the programs that package fetch has put into a folder: those of
// a processor that isn't this machine's, whose packages can't be installed here.
func (f *Files) WithFetched(dir string) *Files {
	return &Files{dirs: f.dirs, sources: append(packaged(), fetched(dir)...)}
}

// Open opens the boot program of that name for reading and returns its size in bytes. A
// name is a plain file name of at most MaxName bytes: no folder, no leading dot. Errors:
// ErrName, ErrNotFound, ErrMissing (which names the package to install), or the file
// system's error.
func (f *Files) Open(name string) (*os.File, int64, error) {
	if err := CheckName(name); err != nil {
		return nil, 0, err
	}
	for _, dir := range f.dirs {
		file, size, err := open(dir, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, size, err
		}
	}
	for _, s := range f.sources {
		if s.name != name {
			continue
		}
		file, size, err := s.open()
		if errors.Is(err, fs.ErrNotExist) {
			return nil, 0, &Missing{Name: name, Package: s.pkg, Fetch: s.fetch, remedy: s.remedy()}
		}
		return file, size, err
	}
	return nil, 0, fmt.Errorf("%w: %s", ErrNotFound, name)
}

// open opens the package's file. Debian's ipxe.efi is a link to /boot. Links of packages
// are followed, because packages are trusted.
func (s source) open() (*os.File, int64, error) {
	path, err := filepath.EvalSymlinks(filepath.Join(s.folder, s.file))
	if err != nil {
		return nil, 0, fmt.Errorf("boot file %s: %w", s.name, err)
	}
	return open(filepath.Dir(path), filepath.Base(path))
}

// open opens dir/name if that is a regular file. os.Root keeps a symbolic link
// from leading out of the folder.
func open(dir, name string) (*os.File, int64, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("boot file %s: %w", name, err)
	}
	defer root.Close()
	// Asked before opening: to open a named pipe would wait for a writer.
	info, err := root.Stat(name)
	if err != nil {
		return nil, 0, fmt.Errorf("boot file %s: %w", filepath.Join(dir, name), err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("boot file %s: %s, not a regular file", filepath.Join(dir, name), info.Mode().Type())
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("boot file %s: %w", filepath.Join(dir, name), err)
	}
	return file, info.Size(), nil
}

// A Missing is the ErrMissing of a program, and where it comes from.
type Missing struct {
	Name    string
	Package string // the distribution's package that brings it; "" when Fetch does
	Fetch   string // the processor for `rackhand bootfiles fetch`, or ""
	remedy  string
}

func (m *Missing) Error() string {
	return fmt.Sprintf("%v: %s: %s, or put the file into a folder of bootfiles in rackhand.yaml", ErrMissing, m.Name, m.remedy)
}

// LackFields are the fields of an event about it: see provision.LackFields.
func (m *Missing) LackFields() map[string]string {
	f := map[string]string{"lacks": "boot-program", "name": m.Name}
	if m.Fetch != "" {
		f["fetch"] = m.Fetch
	} else {
		f["package"] = m.Package
	}
	return f
}

// Unwrap returns ErrMissing.
func (m *Missing) Unwrap() error { return ErrMissing }

// CheckName checks whether a name can be a boot file's name; the error is ErrName. A caller
// that takes names from the wire first strips its protocol's additions (a leading
// slash).
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case len(name) > MaxName:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrName, len(name), MaxName)
	case strings.HasPrefix(name, "."):
		return fmt.Errorf("%w: %q begins with a dot", ErrName, name)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c == '/' || c == '\\' || c >= 0x7f {
			return fmt.Errorf("%w: %q has the byte 0x%02x", ErrName, name, c)
		}
	}
	return nil
}
