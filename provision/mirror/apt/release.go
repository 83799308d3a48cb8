package apt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Release holds the indexes that an archive's InRelease file lists.
type Release struct {
	// ByHash: the archive offers indexes under their hash, and hosts ask for them so.
	ByHash bool
	files  map[string]*File
}

// A File is an index's entry of a file. It holds the path as a literal name (below the
// suite's folder in a release file, below the archive in a Packages file), the size in
// bytes (-1 if unknown), and the sums in hex by their names in a release file: SHA512,
// SHA256, SHA1, MD5Sum.
type File struct {
	Path string
	Size int64
	Sums map[string]string
}

// Strongest is the sum that apt checks, and by which it asks for an index; "" without a sum.
func (f *File) Strongest() (algorithm, sum string) {
	for _, a := range []string{"SHA512", "SHA256", "SHA1", "MD5Sum"} {
		if s := f.Sums[a]; s != "" {
			return a, s
		}
	}
	return "", ""
}

// maxFiles bounds what a release file may name; Debian's name 700.
const maxFiles = 100_000

// ReadRelease reads an InRelease or Release file (wiki.debian.org/DebianRepository/Format).
func ReadRelease(r io.Reader) (Release, error) {
	rel := Release{files: map[string]*File{}}
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
		switch section {
		case "SHA512", "SHA256", "SHA1", "MD5Sum":
			if f := strings.Fields(line); len(f) == 3 {
				rel.add(section, f[0], f[1], f[2])
			}
		}
		if len(rel.files) > maxFiles {
			return rel, fmt.Errorf("the release file names more than %d indexes", maxFiles)
		}
	}
	if err := lines.Err(); err != nil {
		return rel, fmt.Errorf("read the release file: %w", err)
	}
	for _, f := range rel.files {
		if f.Sums["SHA512"] != "" || f.Sums["SHA256"] != "" {
			return rel, nil
		}
	}
	return rel, errors.New("the release file names no indexes by SHA-256 or SHA-512")
}

func (r Release) add(algorithm, sum, size, path string) {
	path = strings.TrimPrefix(path, "./")
	f := r.files[path]
	if f == nil {
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || n < 0 {
			n = -1
		}
		f = &File{Path: path, Size: n, Sums: map[string]string{}}
		r.files[path] = f
	}
	f.Sums[algorithm] = sum
}

// Files are the indexes that the release file names, in no order.
func (r Release) Files(each func(File)) {
	for _, f := range r.files {
		each(*f)
	}
}

// Index is where a host fetches the packages' index of a component for an
// architecture, below the suite's folder: the smallest known form (xz, then gzip), by its
// hash where the archive has that. ok is false without such an index.
func (r Release) Index(component, arch string) (path string, ok bool) {
	dir := component + "/binary-" + arch + "/"
	for _, c := range []string{"xz", "gz"} {
		f := r.files[dir+"Packages."+c]
		switch {
		case f == nil:
			continue
		case r.ByHash:
			algorithm, sum := f.Strongest()
			return dir + "by-hash/" + algorithm + "/" + sum, true
		}
		return f.Path, true
	}
	return "", false
}
