package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
)

// Bounds on what a folder may hold; an inventory of 500 boxes has some 200 KB.
const (
	maxFiles = 500
	maxTotal = 16 << 20
)

// A file is the content of one file.
type file struct {
	name string // within the folder
	data []byte
}

// readDir reads the folder's YAML files in the order of their names. Hidden
// files, which editors leave behind, are skipped. An unreadable file becomes a
// problem.
func readDir(dir string, l *loader) []file {
	whole := problem.Place{File: dir}
	fail := func(at problem.Place, hint, format string, args ...any) {
		l.broken = true
		l.list.Addf(at, hint, format, args...)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		fail(whole, "`rackhand init DIR` writes a first inventory; --inventory, or the configuration's inventory:, names the folder",
			"can't read the inventory: %v", reason(err))
		return nil
	}
	var files []file
	total := 0
	for _, e := range entries {
		name := e.Name()
		if !IsFile(name) {
			continue
		}
		if len(files) == maxFiles {
			fail(whole, "merge some", "the inventory has more than %d files", maxFiles)
			break
		}
		data, err := readFile(filepath.Join(dir, name))
		if err != nil {
			fail(problem.Place{File: name}, "remove it, or rename it so that it doesn't end in .yaml", "can't read the file: %v", reason(err))
			continue
		}
		if total += len(data); total > maxTotal {
			fail(whole, "", "the inventory has more than %d MiB", maxTotal>>20)
			break
		}
		files = append(files, file{name, data})
	}
	if len(files) == 0 && !l.broken {
		fail(whole, "`rackhand init DIR` writes a first inventory", "no *.yaml file in the inventory")
	}
	return files
}

// IsPart is IsFile, or whether a file may be one of certificates that the inventory names.
func IsPart(name string) bool {
	return IsFile(name) || isAuthorities(name) && !strings.HasPrefix(name, ".")
}

// IsFile reports whether a file of the inventory's folder is read as a part of it, by its
// name: *.yaml or *.yml, and not hidden.
func IsFile(name string) bool { return isYAML(name) && !strings.HasPrefix(name, ".") }

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// readFile reads a regular file, of one byte more than schema.Parse takes at most.
func readFile(path string) ([]byte, error) { return schema.ReadFile(path, schema.MaxSize) }

// reason is an error without the path, which stands before it anyway.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// withAuthorities appends the files of certificates, in the order of their names.
func (l *loader) withAuthorities(files []file) []file {
	all := slices.Clone(files)
	for _, name := range sortedKeys(l.authorities) {
		all = append(all, file{name, l.authorities[name]})
	}
	return all
}

// revision is a hash over the names and bytes of the files, as 16 hex digits.
func revision(files []file) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d %s %d\n", len(f.name), f.name, len(f.data))
		h.Write(f.data)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
