// Package backup writes and restores an appliance: its database, its CA, its settings, its
// inventory and its secrets, in one archive. Images, media and the mirror cache are not in it:
// they can be built, added and fetched again.
package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// The archive is a tar, compressed with zstd. Its first file is the manifest, which says what
// it is and where it belongs; its last one has the size and SHA-256 of each file between, so
// an archive that was cut off is noticed.
const (
	manifestName = "manifest.json"
	sumsName     = "sums.json"
	// Format is the archive's layout that this version writes.
	Format = 1
	// maxFiles and maxBytes bound an archive.
	maxFiles = 100_000
	maxBytes = 16 << 30
	maxList  = 64 << 20 // of the manifest and of the sums
	// maxOne bounds a file other than the database, in bytes.
	maxOne = 64 << 20
)

// Database is the database's name in an archive.
const Database = "state/rackhand.db"

var (
	// ErrArchive: a file is no whole archive of rackhand's.
	ErrArchive = errors.New("it is not a whole backup of rackhand")
	// ErrUnderWay: another backup is being made.
	ErrUnderWay = errors.New("another backup is being made: wait for its end")
	// ErrNewer: a later version of rackhand wrote the archive.
	ErrNewer = errors.New("a later version of rackhand wrote it")
)

// A Manifest says what an archive is.
type Manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the rackhand that wrote it
	Machine string    `json:"machine"` // its host name
	Time    time.Time `json:"time"`
	Places  Places    `json:"places"`
}

// Places are where the parts of an appliance lie: absolute paths. "" for a part that it
// doesn't have.
type Places struct {
	State     string `json:"state"`
	Settings  string `json:"settings"` // rackhand.yaml
	Inventory string `json:"inventory"`
	Secrets   string `json:"secrets"`
	// AgeFile and AgeIdentity are a file of encrypted secrets, and what decrypts it.
	AgeFile     string `json:"age_file,omitempty"`
	AgeIdentity string `json:"age_identity,omitempty"`
}

// A Sum is a file of an archive.
type Sum struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Contents are what an archive has.
type Contents struct {
	Manifest
	Files []Sum `json:"files"`
}

// place is where a file of an archive belongs.
func (p Places) place(name string) (string, error) {
	if name != path.Clean(name) || !fs.ValidPath(name) || strings.ContainsAny(name, "\x00\\") {
		return "", fmt.Errorf("%w: it has a file %.80q", ErrArchive, name)
	}
	top, rest, deeper := strings.Cut(name, "/")
	whole := map[string]string{"settings": p.Settings, "age-file": p.AgeFile, "age-identity": p.AgeIdentity}[top]
	folder := map[string]string{"state": p.State, "inventory": p.Inventory, "secrets": p.Secrets}[top]
	switch {
	case !deeper && whole != "":
		return whole, nil
	case deeper && folder != "" && (top != "state" || inState(rest)):
		return path.Join(folder, rest), nil
	}
	return "", fmt.Errorf("%w: it has a file %.80q", ErrArchive, name)
}

// stateParts are what of a state folder is in an archive. The others are caches, or copies
// that the operator made.
func stateParts() []string {
	return []string{"rackhand.db", "ca", "inventory.good.json", "logs"}
}

func inState(rest string) bool {
	top, _, _ := strings.Cut(rest, "/")
	return slices.Contains(stateParts(), top)
}

// check judges a manifest that comes from a file.
func (m Manifest) check() error {
	if m.Format > Format {
		return fmt.Errorf("%w: its format is %d, and this version knows %d: use rackhand %.40q or later", ErrNewer, m.Format, Format, m.Version)
	}
	if m.Format < 1 {
		return fmt.Errorf("%w: its format is %d", ErrArchive, m.Format)
	}
	for _, p := range []string{m.Places.State, m.Places.Settings, m.Places.Inventory, m.Places.Secrets, m.Places.AgeFile, m.Places.AgeIdentity} {
		if p != "" && (!path.IsAbs(p) || path.Clean(p) != p || strings.Contains(p, "\x00") || strings.Count(p, "/") < 2) {
			return fmt.Errorf("%w: %.80q can't be a place of it", ErrArchive, p)
		}
	}
	if m.Places.State == "" || m.Places.Settings == "" {
		return fmt.Errorf("%w: it names no state folder, or no settings", ErrArchive)
	}
	return nil
}
