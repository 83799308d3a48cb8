package appliance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"rackhand/config/schema"
	"rackhand/inventory"
	"rackhand/provision/preview"
)

// maxGood bounds the copy of the inventory that is kept.
const maxGood = 64 << 20

// keepGood keeps a copy of the inventory's files as they are now: they are good.
// An appliance that is started in the middle of a bad edit goes on with it.
func keepGood(dir, file string) error {
	files := make(map[string][]byte)
	size := 0
	for _, pattern := range []string{"*.yaml", "*.yml", "roles/*", "templates/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, p := range paths {
			if st, err := os.Stat(p); err != nil || !st.Mode().IsRegular() {
				continue
			}
			b, err := schema.ReadFile(p, maxGood)
			if err != nil {
				return err
			}
			if size += len(b); size > maxGood {
				return fmt.Errorf("the inventory has more than %d bytes", maxGood)
			}
			name, err := filepath.Rel(dir, p)
			if err != nil {
				return err
			}
			files[name] = b
		}
	}
	if err := keepFiles(dir, files, size); err != nil {
		return err
	}
	b, err := json.Marshal(files)
	if err != nil {
		return err
	}
	return renameio.WriteFile(file, b, 0o600)
}

// keepFiles adds what templates take as it is: templates/files/, with its folders.
// What a link there leads to is kept when it lies within.
func keepFiles(dir string, files map[string][]byte, size int) error {
	const folder = "templates/files"
	root, err := os.OpenRoot(filepath.Join(dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		st, err := root.Stat(name)
		if err != nil || !st.Mode().IsRegular() {
			return nil // templates can't read it either
		}
		if size += int(st.Size()); size > maxGood {
			return fmt.Errorf("the inventory has more than %d bytes", maxGood)
		}
		b, err := root.ReadFile(name)
		if err != nil {
			return err
		}
		files[filepath.Join(folder, name)] = b
		return nil
	})
}

// loadGood loads the copy; nil when there is none.
func loadGood(file string) (*inventory.Snapshot, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files map[string][]byte
	if err := json.Unmarshal(b, &files); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	dir, err := os.MkdirTemp("", "rackhand-inventory-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, text := range files {
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%s: the name %q leads out of the folder", file, name)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return nil, err
		}
	}
	snap, problems := preview.Load(dir)
	return snap, problems.Err()
}
