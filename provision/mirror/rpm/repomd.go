// Package rpm reads the indexes of rpm repositories, as createrepo_c writes them,
// and finds the packages that a host would fetch. It is pure: bytes in, names out.
// Its input is untrusted. The hosts check signatures.
package rpm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds for reading a repository.
const (
	maxRepomd   = 4 << 20
	maxPackages = 500_000
)

// An Index is a file that repomd.xml names.
type Index struct {
	Type string // primary, filelists, group, group_xz, ...
	Path string // below the repository: repodata/SUM-primary.xml.gz
	Size int64  // in bytes; -1 when it doesn't say
	// Sum is in hex; Algorithm is its name: sha256, sha512, sha.
	Algorithm, Sum string
}

// ReadRepomd reads a repository's repodata/repomd.xml.
func ReadRepomd(r io.Reader) ([]Index, error) {
	var doc struct {
		Data []struct {
			Type     string `xml:"type,attr"`
			Size     string `xml:"size"`
			Checksum struct {
				Type string `xml:"type,attr"`
				Sum  string `xml:",chardata"`
			} `xml:"checksum"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
		} `xml:"data"`
	}
	if err := xml.NewDecoder(io.LimitReader(r, maxRepomd)).Decode(&doc); err != nil {
		return nil, fmt.Errorf("read repomd.xml: %w", err)
	}
	var out []Index
	for _, d := range doc.Data {
		if d.Location.Href != "" {
			size, err := strconv.ParseInt(strings.TrimSpace(d.Size), 10, 64)
			if err != nil || size < 0 {
				size = -1
			}
			out = append(out, Index{d.Type, d.Location.Href, size, d.Checksum.Type, strings.TrimSpace(d.Checksum.Sum)})
		}
	}
	if len(out) == 0 {
		return nil, errors.New("repomd.xml names no indexes")
	}
	return out, nil
}

// A Package is an entry of primary.xml, as far as fetching needs it.
type Package struct {
	Name, Arch         string
	Epoch, Version     string
	Release            string
	Path               string // below the repository: Packages/n/nginx-1.20.1-14.el9.x86_64.rpm
	Requires, Provides []string
	Files              []string // those that others may require: in bin folders and /etc
	Repository         int      // where it was found: the number that the caller gave
}

// Packages calls each for every binary package of an uncompressed primary.xml.
func Packages(r io.Reader, each func(Package)) error {
	type entries struct {
		Entries []struct {
			Name string `xml:"name,attr"`
		} `xml:"entry"`
	}
	type element struct {
		Name    string `xml:"name"`
		Arch    string `xml:"arch"`
		Version struct {
			Epoch string `xml:"epoch,attr"`
			Ver   string `xml:"ver,attr"`
			Rel   string `xml:"rel,attr"`
		} `xml:"version"`
		Location struct {
			Href string `xml:"href,attr"`
		} `xml:"location"`
		Format struct {
			Provides entries  `xml:"provides"`
			Requires entries  `xml:"requires"`
			Files    []string `xml:"file"`
		} `xml:"format"`
	}
	names := func(e entries) []string {
		var out []string
		for _, x := range e.Entries {
			out = append(out, x.Name)
		}
		return out
	}
	d := xml.NewDecoder(r)
	index := false
	for n := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			if !index {
				return errNoPrimary
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the index of packages: %w", err)
		}
		start, ok := t.(xml.StartElement)
		index = index || ok
		if !ok || start.Name.Local != "package" {
			continue
		}
		var e element
		if err := d.DecodeElement(&e, &start); err != nil {
			return fmt.Errorf("read the index of packages: %w", err)
		}
		if e.Name == "" || e.Location.Href == "" || e.Arch == "src" {
			continue
		}
		if n++; n > maxPackages {
			return fmt.Errorf("the index names more than %d packages", maxPackages)
		}
		each(Package{
			Name: e.Name, Arch: e.Arch, Epoch: e.Version.Epoch, Version: e.Version.Ver, Release: e.Version.Rel,
			Path: e.Location.Href, Requires: names(e.Format.Requires), Provides: names(e.Format.Provides), Files: e.Format.Files,
		})
	}
}
