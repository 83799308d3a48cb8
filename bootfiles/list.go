package bootfiles

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A File is one entry of the manifest.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex
	Path   string `json:"path"`   // where it was found
	// From says whose it is: "operator", "package ipxe" or "fetched for arm64".
	From string `json:"from"`
	// Missing says what to do about a program that rackhand needs and that isn't
	// there; then Size, SHA256 and Path are empty.
	Missing string `json:"missing,omitempty"`
}

// List is the manifest: every file that Open would open, by name, and the
// programs of the packages that are missing, or that aren't any more what was
// fetched. It reads each file whole. A folder
// that doesn't exist is skipped; one that can't be read is an error.
func (f *Files) List() ([]File, error) {
	names := map[string]bool{}
	for _, s := range f.sources {
		names[s.name] = true
	}
	for _, dir := range f.dirs {
		entries, err := os.ReadDir(dir)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list boot files: %w", err)
		}
		for _, e := range entries {
			info, err := os.Stat(filepath.Join(dir, e.Name()))
			if err == nil && info.Mode().IsRegular() && CheckName(e.Name()) == nil {
				names[e.Name()] = true
			}
		}
	}
	var list []File
	for name := range names {
		entry, err := f.describe(name)
		if err != nil {
			entry = File{Name: name, Missing: err.Error(), From: f.originOf(name)}
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// originOf says whose a program would be that isn't there.
func (f *Files) originOf(name string) string {
	for _, s := range f.sources {
		if s.name == name {
			return s.origin()
		}
	}
	return "operator"
}

func (s source) origin() string {
	if s.fetch != "" {
		return "fetched for " + s.fetch
	}
	return "package " + s.pkg
}

func (f *Files) describe(name string) (File, error) {
	file, size, err := f.Open(name)
	if err != nil {
		return File{}, err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return File{}, fmt.Errorf("read boot file: %w", err)
	}
	entry := File{Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), Path: file.Name(), From: "operator"}
	for _, s := range f.sources {
		// By its folder: an operator's own file has the name as well.
		if real, err := filepath.EvalSymlinks(filepath.Join(s.folder, s.file)); s.name != name || err != nil || real != file.Name() {
			continue
		}
		entry.From = s.origin()
		if s.fetch != "" {
			return entry, checkFetched(s.folder, entry)
		}
	}
	return entry, nil
}
