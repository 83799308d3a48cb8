package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// Write writes the files of a new configuration folder, and makes the folder of secrets
// beside them. Without force it writes nothing if one of them already exists. Other files
// in the folder stay as they are.
func Write(dir string, files []File, force bool) error {
	var there []string
	for _, f := range files {
		_, err := os.Lstat(filepath.Join(dir, f.Name))
		if err == nil {
			there = append(there, f.Name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(there) > 0 && !force {
		return fmt.Errorf("%s has %s already, and nothing was written: name another folder, or write over them with --force", dir, strings.Join(there, ", "))
	}
	if err := os.MkdirAll(filepath.Join(dir, "secrets"), 0o700); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := renameio.WriteFile(path, f.Data, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return nil
}
