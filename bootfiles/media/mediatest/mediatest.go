// Package mediatest makes an ISO in a distribution's form, for tests.
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

// Write writes the ISO that make.sh makes into a folder and returns its path. It is one of
// Rocky Linux 9.4.
func Write(dir string) (string, error) { return WriteAs(dir, "Rocky Linux", "9.4") }

// WriteAs is Write for another release. It replaces the text of the .treeinfo in place, so
// family and version must not be longer.
func WriteAs(dir, family, version string) (string, error) {
	if len(family) > len("Rocky Linux") || len(version) > len("9.4") {
		return "", fmt.Errorf("%s %s is too long", family, version)
	}
	z, err := gzip.NewReader(bytes.NewReader(tree))
	if err != nil {
		return "", fmt.Errorf("the test's ISO: %w", err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return "", fmt.Errorf("the test's ISO: %w", err)
	}
	for _, r := range [][2]string{{"Rocky Linux", family}, {"9.4", version}} {
		b = bytes.ReplaceAll(b, []byte(r[0]), append([]byte(r[1]), bytes.Repeat([]byte(" "), len(r[0])-len(r[1]))...))
	}
	path := filepath.Join(dir, "Rocky-9.4-x86_64-simulated.iso")
	return path, os.WriteFile(path, b, 0o644)
}
