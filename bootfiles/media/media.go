// Package media adds, lists, verifies and removes installation media, from which Anaconda
// installs a distribution of Red Hat's family (`rackhand media add`, `list`,
// `verify`, `remove`).
//
// Installation media are an ISO file (a DVD or boot.iso), whose files the appliance serves
// without unpacking it, or an installation tree on an upstream of the mirror cache. Root
// images for the image installer are in bootfiles/image; boot loaders are in bootfiles.
package media

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"rackhand/config/file"
)

// Names in a media's folder.
const (
	ManifestFile = "manifest.json"
	ISOFile      = "media.iso" // a copied ISO
)

// ErrNoMedia means that there are no media of that name.
var ErrNoMedia = errors.New("no such media")

// A Manifest describes a media; manifest.json.
type Manifest struct {
	Name  string    `json:"name"`
	Added time.Time `json:"added"`
	// ISO is the image; nil for a tree.
	ISO *ISO `json:"iso,omitempty"`
	// Mirror and Path say where a tree is: /mirror/MIRROR/PATH; empty for an ISO.
	Mirror string   `json:"mirror,omitempty"`
	Path   string   `json:"path,omitempty"`
	Tree   Treeinfo `json:"tree"`
	// Packages: the media has packages to install from, and not the installer alone.
	Packages bool `json:"packages"`
	// Files are those of a tree that are kept here, and the ISO's boot files, with
	// their SHA-256 sums by path.
	Files map[string]string `json:"files"`
}

// An ISO is an image file.
type ISO struct {
	// Path is where it lies, if elsewhere than in the media's folder.
	Path    string    `json:"path,omitempty"`
	Size    int64     `json:"size"`
	SHA256  string    `json:"sha256"`
	ModTime time.Time `json:"modtime"`
	Label   string    `json:"label"`
}

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$`)
	sumForm  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// CheckName says whether a name can be a media's: it becomes a folder's name and a part
// of URLs.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%.80q can't be a media's name: use letters, digits, '.', '_', '+' and '-', such as rocky9", name)
	}
	return nil
}

// maxManifest bounds a manifest, in bytes: a .treeinfo and its checksums twice.
const maxManifest = 8 << 20

// Load reads the manifest of a media in the folder dir, the state folder's media/.
func Load(dir, name string) (*Manifest, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	b, err := file.Read(filepath.Join(dir, name, ManifestFile), maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("media %s: %w: `rackhand media add %s FILE.iso` adds it", name, ErrNoMedia, name)
	}
	if err != nil {
		return nil, fmt.Errorf("media %s: %w", name, err)
	}
	m := new(Manifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("media %s: its manifest: %w", name, err)
	}
	if err := m.check(name); err != nil {
		return nil, fmt.Errorf("media %s: its manifest: %w", name, err)
	}
	return m, nil
}

func (m *Manifest) check(name string) error {
	switch {
	case m.Name != name:
		return fmt.Errorf("it is that of %.80q", m.Name)
	case (m.ISO == nil) == (m.Mirror == ""):
		return errors.New("it is neither of an ISO nor of a tree")
	case m.ISO != nil && (m.ISO.Size < 0 || !sumForm.MatchString(m.ISO.SHA256)):
		return errors.New("the size or SHA-256 of its ISO can't be right")
	case m.Mirror != "" && (CheckName(m.Mirror) != nil || !fs.ValidPath(m.Path) || !pathForm.MatchString(m.Path)):
		return fmt.Errorf("%.80q can't be a tree's place", m.Mirror+"/"+m.Path)
	}
	for p, sum := range m.Files {
		if !fs.ValidPath(p) || !sumForm.MatchString(sum) {
			return fmt.Errorf("the SHA-256 of %.80q can't be right", p)
		}
	}
	return m.Tree.check()
}

// isoPath is where the ISO lies.
func (m *Manifest) isoPath(dir string) string {
	if m.ISO.Path != "" {
		return m.ISO.Path
	}
	return filepath.Join(dir, m.Name, ISOFile)
}

// unchanged reports whether a file is the one that was added, as far as its size and
// time tell.
func (m *Manifest) unchanged(st fs.FileInfo, path string) error {
	if st.Size() != m.ISO.Size || !st.ModTime().Equal(m.ISO.ModTime) {
		return fmt.Errorf("media %s: %s was changed since it was added: `rackhand media verify %s` compares it, `rackhand media add --replace %s %s` takes it as it is now",
			m.Name, path, m.Name, m.Name, path)
	}
	return nil
}

// List reads the manifests of all media in a folder. The error names those that can't be
// read; the others are still listed.
func List(dir string) ([]*Manifest, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the media: %w", err)
	}
	var out []*Manifest
	var errs []error
	for _, e := range entries {
		if !e.IsDir() || CheckName(e.Name()) != nil {
			continue
		}
		m, err := Load(dir, e.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, m)
	}
	return out, errors.Join(errs...)
}

// Remove removes a media; an ISO that lies elsewhere stays where it is.
func Remove(dir, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	folder := filepath.Join(dir, name)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("media %s: %w", name, ErrNoMedia)
	}
	// The manifest goes first: half removed media must not be found.
	if err := os.Remove(filepath.Join(folder, ManifestFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("media %s: %w", name, err)
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("media %s: %w", name, err)
	}
	return nil
}
