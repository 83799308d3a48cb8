// Package apt reads the indexes of Debian archives, and finds the packages that a
// host would fetch. It is pure: bytes in, names out. Its input is untrusted. The hosts
// check signatures.
package apt

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Package is a stanza of a Packages file (Debian policy, chapter 5), as far as
// fetching needs it.
type Package struct {
	Name     string
	Version  string
	Filename string // below the archive: pool/main/n/nginx/nginx_1.22.1-9_amd64.deb
	// Depends are Pre-Depends and Depends, as they are written.
	Depends  []string
	Provides string
	// Archive is where it was found: the number that the caller gave.
	Archive int
}

// Bounds for reading an archive.
const (
	maxRelease  = 8 << 20
	maxLine     = 1 << 20
	maxPackages = 500_000
)

// Packages calls each for every package of an uncompressed Packages file that has
// a name, a version and a file name.
func Packages(r io.Reader, each func(Package)) error {
	var p Package
	return stanzas(r, func(key, value string) {
		switch key {
		case "Package":
			p.Name = value
		case "Version":
			p.Version = value
		case "Filename":
			p.Filename = value
		case "Depends", "Pre-Depends":
			p.Depends = append(p.Depends, value)
		case "Provides":
			p.Provides = value
		}
	}, func() bool {
		known := p.Name != "" && p.Version != "" && p.Filename != ""
		if known {
			each(p)
		}
		p = Package{}
		return known
	})
}

// PackageFiles calls each for every file that an uncompressed Packages file names.
func PackageFiles(r io.Reader, each func(File)) error {
	f := File{Size: -1}
	return stanzas(r, func(key, value string) {
		switch key {
		case "Filename":
			f.Path = strings.TrimPrefix(value, "./")
		case "Size":
			if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
				f.Size = n
			}
		case "SHA512", "SHA256", "SHA1", "MD5sum":
			if f.Sums == nil {
				f.Sums = map[string]string{}
			}
			if key == "MD5sum" { // a release file's name of it is another
				key = "MD5Sum"
			}
			f.Sums[key] = value
		}
	}, func() bool {
		known := f.Path != ""
		if known {
			each(f)
		}
		f = File{Size: -1}
		return known
	})
}

// stanzas calls field for each first line of a field of a Packages file, and end after
// each stanza, which says whether that was a package.
func stanzas(r io.Reader, field func(key, value string), end func() bool) error {
	n := 0
	flush := func() error {
		if end() {
			n++
		}
		if n > maxPackages {
			return fmt.Errorf("the index names more than %d packages", maxPackages)
		}
		return nil
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			if err := flush(); err != nil {
				return err
			}
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		field(key, strings.TrimSpace(value))
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the index of packages: %w", err)
	}
	return flush()
}
