package rpm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A File is primary.xml's entry of a package's file: its path below the repository as a
// literal name (librepo encodes a '%' in it), its size in bytes (-1 if unknown), and its sum
// in hex with the algorithm's name (sha256, sha512, sha).
type File struct {
	Path           string
	Size           int64
	Algorithm, Sum string
}

// PackageFiles calls each for the file of every package of an uncompressed primary.xml,
// source packages too. Files that lie elsewhere (xml:base) are left out. It reads
// tokens, not elements: an index of Fedora's has 200 MB.
func PackageFiles(r io.Reader, each func(File)) error {
	d := xml.NewDecoder(r)
	var (
		f         File
		depth, n  int  // below <package>; packages
		inside    bool // a <package>
		elsewhere bool
		sum       strings.Builder
		summing   bool
		seen      bool
	)
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			if !seen {
				return errNoPrimary
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the index of packages: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			seen = true
			if !inside {
				if t.Name.Local == "package" {
					inside, depth, elsewhere, f = true, 0, false, File{Size: -1}
				}
				continue
			}
			if depth++; depth > 1 {
				continue
			}
			switch t.Name.Local {
			case "checksum":
				f.Algorithm, summing = attr(t, "type"), true
				sum.Reset()
			case "size":
				if n, err := strconv.ParseInt(attr(t, "package"), 10, 64); err == nil && n >= 0 {
					f.Size = n
				}
			case "location":
				f.Path = attr(t, "href")
				elsewhere = attr(t, "base") != "" || strings.Contains(f.Path, "://")
			}
		case xml.CharData:
			if summing {
				sum.Write(t)
			}
		case xml.EndElement:
			switch {
			case !inside:
			case depth > 0:
				depth--
				if summing {
					f.Sum, summing = strings.TrimSpace(sum.String()), false
				}
			default:
				inside = false
				if n++; n > maxPackages {
					return fmt.Errorf("the index names more than %d packages", maxPackages)
				}
				if f.Path != "" && !elsewhere {
					each(f)
				}
			}
		}
	}
}

// errNoPrimary is about an index that holds no XML.
var errNoPrimary = errors.New("read the index of packages: it is not a primary.xml, plain or packed with gzip, xz or zstd")

func attr(e xml.StartElement, local string) string {
	for _, a := range e.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}
