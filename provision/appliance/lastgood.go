package appliance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"rackhand/inventory"
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
			b, err := os.ReadFile(p)
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
	b, err := json.Marshal(files)
	if err != nil {
		return err
	}
	return renameio.WriteFile(file, b, 0o600)
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
	snap, problems := Load(dir)
	return snap, problems.Err()
}
