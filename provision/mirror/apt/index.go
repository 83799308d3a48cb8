// Package apt reads the indexes of Debian archives, and tells which of an
// archive's packages a host would fetch. It is pure: bytes in, names out. What it
// reads may be anything; signatures are the hosts' to check.
package apt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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

// Bounds of what is read of an archive.
const (
	maxRelease  = 8 << 20
	maxLine     = 1 << 20
	maxPackages = 500_000
)

// Packages calls each for every package of an uncompressed Packages file that has
// a name, a version and a file name.
func Packages(r io.Reader, each func(Package)) error {
	n := 0
	var p Package
	flush := func() error {
		if p.Name != "" && p.Version != "" && p.Filename != "" {
			if n++; n > maxPackages {
				return fmt.Errorf("the index names more than %d packages", maxPackages)
			}
			each(p)
		}
		p = Package{}
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
		value = strings.TrimSpace(value)
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
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the index of packages: %w", err)
	}
	return flush()
}

// A Release is what an archive's InRelease file says of its indexes.
type Release struct {
	// ByHash: indexes are to be had under their hash, and hosts ask for them so.
	ByHash bool
	sums   map[string]string
}

// ReadRelease reads an InRelease or Release file (wiki.debian.org/DebianRepository/Format).
func ReadRelease(r io.Reader) (Release, error) {
	rel := Release{sums: map[string]string{}}
	lines := bufio.NewScanner(io.LimitReader(r, maxRelease))
	lines.Buffer(nil, maxLine)
	section := ""
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, " ") {
			key, value, _ := strings.Cut(line, ":")
			section = key
			if key == "Acquire-By-Hash" {
				rel.ByHash = strings.TrimSpace(value) == "yes"
			}
			continue
		}
		if f := strings.Fields(line); section == "SHA256" && len(f) == 3 {
			rel.sums[f[2]] = f[0]
		}
	}
	if err := lines.Err(); err != nil {
		return rel, fmt.Errorf("read the release file: %w", err)
	}
	if len(rel.sums) == 0 {
		return rel, errors.New("the release file names no indexes by SHA-256")
	}
	return rel, nil
}

// Index is where a host fetches the packages' index of a component for an
// architecture, below the suite's folder: the smallest form that it knows (xz, then
// gzip), by its hash where the archive has that. ok is false when there is none.
func (r Release) Index(component, arch string) (path string, ok bool) {
	dir := component + "/binary-" + arch + "/"
	for _, c := range []string{"xz", "gz"} {
		sum, ok := r.sums[dir+"Packages."+c]
		switch {
		case !ok:
			continue
		case r.ByHash:
			return dir + "by-hash/SHA256/" + sum, true
		}
		return dir + "Packages." + c, true
	}
	return "", false
}
