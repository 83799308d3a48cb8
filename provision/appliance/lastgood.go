package appliance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"rackhand/config/schema"
	"rackhand/inventory"
	"rackhand/provision/catalog"
	"rackhand/provision/content"
	"rackhand/provision/preview"
)

const (
	// maxGood bounds the copy of the inventory, in bytes.
	maxGood = 64 << 20
	// maxInCopy bounds a file of templates/ in the copy, in bytes. Larger files are in the
	// store of contents.
	maxInCopy = 1 << 20
)

// A goodCopy is the copy as JSON: the bytes of files, and the SHA-256 of those in the store
// of contents.
type goodCopy struct {
	Files    map[string][]byte `json:"files"`
	Contents map[string]string `json:"contents,omitempty"`
}

// keepGood copies the inventory's files, which are good. An appliance that starts in the
// middle of a bad edit uses the copy. Large files in templates/ are in the store of contents:
// the copy has their SHA-256, which sumOf returns. Of other files in the folder it has the
// certificates of BMCs' authorities.
func keepGood(dir, file string, authorities map[string][]byte, sumOf func(name string) string) error {
	files, contents := maps.Clone(authorities), make(map[string]string)
	if files == nil {
		files = map[string][]byte{}
	}
	size := 0
	for _, pattern := range []string{"*.yaml", "*.yml", "roles/*", "templates/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, p := range paths {
			st, err := os.Stat(p)
			if err != nil || !st.Mode().IsRegular() {
				continue
			}
			if st.Size() > maxInCopy && strings.HasPrefix(pattern, "templates/") {
				// A large file that no role names is not needed: templates are smaller.
				if sum := sumOf(filepath.Base(p)); sum != "" {
					contents["templates/"+filepath.Base(p)] = sum
				}
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
	b, err := json.Marshal(goodCopy{files, contents})
	if err != nil {
		return err
	}
	return renameio.WriteFile(file, b, 0o600)
}

// keepFiles adds templates/files/, with its folders, which templates read unchanged. A link's
// target is copied if it lies within that folder.
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

// loadGood loads the copy, or nil if it doesn't exist.
func loadGood(file string, store *content.Store) (*inventory.Snapshot, *preview.Roles, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var kept goodCopy
	if err = json.Unmarshal(b, &kept); err == nil && kept.Files == nil {
		err = json.Unmarshal(b, &kept.Files) // as written before there was a store of contents
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	dir, err := os.MkdirTemp("", "rackhand-inventory-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	if err := kept.write(dir, store); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	// Try reads all files that any host gets, so the folder isn't needed any more.
	c := preview.Try(dir, nil, store)
	if err := c.Problems.Err(); err != nil {
		return nil, nil, err
	}
	return c.Snapshot, c.Roles, nil
}

func (g *goodCopy) write(dir string, store *content.Store) error {
	place := func(name string) (string, error) {
		path := filepath.Join(dir, name)
		if !filepath.IsLocal(name) {
			return "", fmt.Errorf("the name %q leads out of the folder", name)
		}
		return path, os.MkdirAll(filepath.Dir(path), 0o700)
	}
	for name, text := range g.Files {
		path, err := place(name)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	for name, sum := range g.Contents {
		path, err := place(name)
		if err == nil && !catalog.IsSHA256(sum) {
			err = fmt.Errorf("%s: %.80q is not a SHA-256", name, sum)
		}
		if err == nil {
			err = os.Symlink(store.Path(sum), path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
