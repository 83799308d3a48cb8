package setup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"gopkg.in/yaml.v3"
)

// Write writes the files of a new configuration folder, and makes the folder of secrets
// beside them. Without force it writes nothing if one of them already exists, and with force
// nothing if one of them has hosts. Other files in the folder stay as they are.
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
	for _, name := range there {
		if n := hostsIn(filepath.Join(dir, name)); n > 0 {
			return fmt.Errorf("%s has hosts (%d), and nothing was written: change it with `rackhand set`, or move it away", filepath.Join(dir, name), n)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
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

// hostsIn is how many hosts an inventory's file declares; 0 for another file.
func hostsIn(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0 // writing it says why
	}
	var doc struct {
		Hosts map[string]any `yaml:"hosts"`
	}
	if yaml.Unmarshal(text, &doc) != nil {
		return 0
	}
	return len(doc.Hosts)
}
