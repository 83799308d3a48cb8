package command

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// UsesDnf reports whether the system below a root has dnf for its packages, and no apt-get.
func UsesDnf(root string) bool {
	if _, err := os.Stat(filepath.Join("/", root, "/usr/bin/apt-get")); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	_, err := os.Stat(filepath.Join("/", root, "/usr/bin/dnf"))
	return err == nil
}
