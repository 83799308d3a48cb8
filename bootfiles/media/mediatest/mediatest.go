// Package mediatest gives tests an ISO in the shape of a distribution's.
package mediatest

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

//go:embed tree.iso.gz
var tree []byte

// Write writes the ISO that make.sh makes into a folder and returns its path.
func Write(dir string) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(tree))
	if err != nil {
		return "", fmt.Errorf("the test's ISO: %w", err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return "", fmt.Errorf("the test's ISO: %w", err)
	}
	path := filepath.Join(dir, "Rocky-9.4-x86_64-simulated.iso")
	return path, os.WriteFile(path, b, 0o644)
}
