package image

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// origins are the files that packages brought, as the package manager's database
// has them, by name without a slash in front. Packages may share a file.
type origins map[string][]origin

// An origin is one file of one package.
type origin struct {
	digest string    // in hex; its length gives the kind
	time   time.Time // zero in dpkg's database, which keeps none
}

// add notes a file under the name that its package has for it, and under the one
// that it has in a root whose /bin, /lib* and /sbin are links into /usr.
func (o origins) add(name string, from origin) {
	name = strings.TrimPrefix(name, "/")
	o[name] = append(o[name], from)
	if m := merged(name); m != name {
		o[m] = append(o[m], from)
	}
}

// timeOf is the time that a file bears in the image. A file that is as its package
// brought it has the package's time, since Python holds its compiled files against
// their sources'; all else has one fixed time. So the same packages make the same
// times, whenever a build runs and however old its packages are.
func (o origins) timeOf(path, name string, info os.FileInfo) (time.Time, error) {
	fixed := time.Unix(releaseEpoch, 0)
	if !info.Mode().IsRegular() {
		return fixed, nil
	}
	found := time.Time{}
	sums := map[int]string{}
	for _, from := range o[name] {
		sum, ok := sums[len(from.digest)]
		if !ok {
			var err error
			if sum, err = digest(path, len(from.digest)); err != nil {
				return fixed, err
			}
			sums[len(from.digest)] = sum
		}
		if sum == "" || sum != from.digest {
			continue
		}
		when := from.time
		// Packages of dpkg have whole seconds. A fraction shows that the build wrote the
		// file once more, with the same content.
		if own := info.ModTime(); when.IsZero() && own.Nanosecond() == 0 {
			when = own
		}
		if when.After(found) {
			found = when
		}
	}
	if found.IsZero() {
		return fixed, nil
	}
	return found, nil
}

// digest hashes a file with the algorithm whose hex sum has this many digits; "" without
// one.
func digest(path string, digits int) (string, error) {
	var h hash.Hash
	switch digits {
	case 2 * md5.Size:
		h = md5.New()
	case 2 * sha1.Size:
		h = sha1.New()
	case 2 * sha256.Size:
		h = sha256.New()
	case 2 * sha512.Size:
		h = sha512.New()
	default:
		return "", nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readOrigins reads the database of the root's package manager.
func readOrigins(ctx context.Context, root, format string) (origins, error) {
	if format == rpm {
		text, err := queryRPM(ctx, rpmFolder(root), originFormat)
		return parseOrigins(text), err
	}
	o := origins{}
	lists, err := filepath.Glob(filepath.Join(root, "var/lib/dpkg/info/*.md5sums"))
	if err != nil {
		return nil, err
	}
	for _, name := range lists {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if sum, file, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  "); ok {
				o.add(file, origin{digest: sum})
			}
		}
	}
	// Settings aren't in these lists, but in the status.
	status, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		return nil, err
	}
	inside := false
	for line := range strings.Lines(string(status)) {
		if !strings.HasPrefix(line, " ") {
			inside = strings.HasPrefix(line, "Conffiles:")
		} else if f := strings.Fields(line); inside && len(f) > 1 {
			o.add(f[0], origin{digest: f[1]})
		}
	}
	return o, nil
}

// originFormat is one file a line: time, digest (none if it is not a regular file)
// and name.
const originFormat = `[%{FILEMTIMES} %{FILEDIGESTS} %{FILENAMES}\n]`

// parseOrigins reads lines of originFormat. A line that isn't one comes from a name
// with an end of line in it, and names nothing.
func parseOrigins(text string) origins {
	o := origins{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		if len(f) != 3 || f[1] == "" {
			continue
		}
		if seconds, err := strconv.ParseInt(f[0], 10, 64); err == nil {
			o.add(f[2], origin{digest: f[1], time: time.Unix(seconds, 0)})
		}
	}
	return o
}
