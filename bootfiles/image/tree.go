package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// A tree gathers the entries of an initramfs, mostly out of a root. Names are
// paths without a leading slash, with links among the folders followed.
type tree struct {
	root    *os.Root
	entries map[string]entry
	// firmware is the root whose /lib/firmware is taken; nil for root itself.
	firmware *os.Root
}

func newTree(root *os.Root) *tree { return &tree{root: root, entries: map[string]entry{}} }

// dir adds a folder and those above it.
func (t *tree) dir(name string) {
	for ; name != "." && name != "/"; name = path.Dir(name) {
		if _, ok := t.entries[name]; !ok {
			t.entries[name] = entry{Name: name, Mode: modeDir | 0o755}
		}
	}
}

func (t *tree) put(e entry) {
	t.dir(path.Dir(e.Name))
	t.entries[e.Name] = e
}

func (t *tree) link(name, target string) {
	t.put(entry{Name: name, Mode: modeLink | 0o777, Data: []byte(target)})
}

func (t *tree) file(name string, mode uint32, data []byte) {
	if data == nil {
		data = []byte{}
	}
	t.put(entry{Name: name, Mode: modeFile | mode, Data: data})
}

// copyFile takes a file from the root, and each link on the way to it; it answers
// with the last one's content.
func (t *tree) copyFile(name string) ([]byte, error) {
	for range 10 {
		info, err := t.root.Lstat(name)
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if !info.Mode().IsRegular() {
				return nil, fmt.Errorf("%s is not a regular file", name)
			}
			data, err := t.root.ReadFile(name)
			if err != nil {
				return nil, err
			}
			t.file(name, uint32(info.Mode().Perm()), data)
			return data, nil
		}
		target, err := t.root.Readlink(name)
		if err != nil {
			return nil, err
		}
		t.link(name, target)
		if path.IsAbs(target) {
			name = merged(strings.TrimPrefix(path.Clean(target), "/"))
		} else {
			name = path.Join(path.Dir(name), target)
		}
	}
	return nil, fmt.Errorf("%s leads through too many links", name)
}

// merged says where a path lies in a root whose /bin, /sbin and /lib* are links
// into /usr, as Debian's are.
func merged(name string) string {
	first, _, _ := strings.Cut(name, "/")
	if slices.Contains(mergedLinks(), first) {
		return "usr/" + name
	}
	return name
}

func mergedLinks() []string { return []string{"bin", "lib", "lib64", "sbin"} }

// program takes a program with its loader and libraries.
func (t *tree) program(name string) error {
	data, err := t.copyFile(name)
	if err != nil {
		return fmt.Errorf("take %s from the root: %w", name, err)
	}
	loader, libraries, err := elfNeeds(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if loader != "" {
		if _, err := t.copyFile(merged(strings.TrimPrefix(loader, "/"))); err != nil {
			return fmt.Errorf("%s: its loader: %w", name, err)
		}
	}
	for _, l := range libraries {
		if err := t.library(name, l); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) library(user, name string) error {
	for _, dir := range libraryDirs() {
		file := dir + "/" + name
		if _, ok := t.entries[file]; ok {
			return nil
		}
		if _, err := t.root.Lstat(file); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return t.program(file)
	}
	return fmt.Errorf("%s needs the library %s, which the root doesn't hold", user, name)
}

// copyLater takes a file without reading it into memory yet.
func (t *tree) copyLater(name string) error {
	root := t.root
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	t.put(entry{
		Name: name, Mode: modeFile | uint32(info.Mode().Perm()), Size: info.Size(),
		Open: func() (io.ReadCloser, error) { return root.Open(name) },
	})
	return nil
}

// sorted lists the entries as [writeCPIO] wants them.
func (t *tree) sorted() []entry {
	list := make([]entry, 0, len(t.entries))
	for _, e := range t.entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b entry) int { return compareNames(a.Name, b.Name) })
	return list
}
