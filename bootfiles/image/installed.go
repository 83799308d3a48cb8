package image

import (
	"bufio"
	"fmt"
	"path/filepath"
	"strings"

	"rackhand/config/file"
)

// Installed are the packages in an image, name to version, from its packages.txt.
func Installed(dir, name string) (map[string]string, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	f, err := file.Open(filepath.Join(dir, name, PackagesFile))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", name, err)
	}
	defer f.Close()
	out := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if w := strings.Fields(lines.Text()); len(w) >= 2 {
			out[w[0]] = w[1]
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("image %s: read %s: %w", name, PackagesFile, err)
	}
	return out, nil
}
