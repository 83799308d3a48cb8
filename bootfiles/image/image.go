// Package image builds, imports, lists and removes root images, which the image installer
// writes onto a box's disks (`rackhand image build`, `import`, `list`, `verify`, `remove`).
//
// A root image is the root file system of a distribution as a tar, with its kernel and with
// the initramfs that holds rackhand-installer. It is a folder DIR/NAME that appears whole, by
// one rename, or not at all. ISOs and installation trees for Anaconda are in bootfiles/media;
// boot loaders are in bootfiles.
package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"rackhand/config/file"
)

// The files of an image, beside [RootFile], whose ending names its compression.
const (
	ManifestFile = "manifest.json"
	KernelFile   = "vmlinuz"
	InitrdFile   = "initrd.img"
	BaseFile     = "initrd.base" // the initramfs without /init, kept for Refresh
	PackagesFile = "packages.txt"
	SBOMFile     = "sbom.spdx.json"
	RootFile     = "root.tar.zst"
)

// ErrNoImage is wrapped by the errors about an image that isn't there.
var ErrNoImage = errors.New("no such image")

// A Manifest says what an image is made of; it is the image's manifest.json.
type Manifest struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// Distribution and Release describe the root: debian, bookworm. An imported image has
	// those of its os-release(5), which may be empty.
	Distribution string `json:"distribution,omitempty"`
	Release      string `json:"release"`
	Arch         string `json:"arch"`   // Debian's name: amd64
	Kernel       string `json:"kernel"` // uname -r of the image's kernel
	// Packages counts the packages in the root, named in packages.txt.
	Packages int `json:"packages"`
	// Unpacked is the root's size on a disk, in bytes, without the file system's
	// own overhead.
	Unpacked int64 `json:"unpacked"`
	// FirmwareMissing are, by driver in the installer's initramfs, the firmware files
	// that it may ask for and the root's /lib/firmware doesn't hold.
	FirmwareMissing map[string][]string `json:"firmware_missing,omitempty"`
	// Files are the image's files but for the manifest itself, by name.
	Files map[string]File `json:"files"`
	// Recipe is the image's recipe, RecipeFile the file that it was read from ("" for none),
	// RecipeSum its [Recipe.Sum]. An import lacks all three.
	Recipe     *Recipe `json:"recipe,omitempty"`
	RecipeFile string  `json:"recipe_file,omitempty"`
	RecipeSum  string  `json:"recipe_sum,omitempty"`
	// Import is where an image came from that wasn't built.
	Import *Imported `json:"import,omitempty"`
}

// Imported describes the tar from which an image was imported.
type Imported struct {
	File   string `json:"file"`   // the tar's own name, without its folder
	SHA256 string `json:"sha256"` // of the file as it was
	// BootFrom is the image whose kernel starts the installer, "" for the root's own.
	BootFrom string `json:"boot_from,omitempty"`
	// Complete: the operator vouches that an installed root boots.
	Complete bool `json:"complete,omitempty"`
}

// A File is one file of an image.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex, lower case
}

// Root is the root image's file; its zero value when the manifest names none.
func (m *Manifest) Root() File {
	for name, f := range m.Files {
		if strings.HasPrefix(name, "root.tar") {
			return f
		}
	}
	return File{}
}

// FileNames lists the image's files in order.
func (m *Manifest) FileNames() []string {
	names := make([]string, 0, len(m.Files))
	for name := range m.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

var (
	nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)
	fileForm = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,62}$`)
	sumForm  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// maxManifest bounds what is read of a manifest.json.
const maxManifest = 1 << 20

// CheckName says whether a name can be an image's: it becomes a folder's name and
// a part of URLs.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("%q can't be an image's name: use lower-case letters, digits, '.', '_' and '-', such as debian12", name)
	}
	return nil
}

// ParseManifest reads and checks a manifest.json. All files that it names are inside the
// image's folder.
func ParseManifest(data []byte) (*Manifest, error) {
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, err
	}
	if err := CheckName(m.Name); err != nil {
		return nil, err
	}
	for name, f := range m.Files {
		switch {
		case f.Name != name || !fileForm.MatchString(name) || name == ManifestFile:
			return nil, fmt.Errorf("it names the file %q, which no image has", name)
		case f.Size < 0 || !sumForm.MatchString(f.SHA256):
			return nil, fmt.Errorf("the size or SHA-256 of %s can't be right", name)
		}
	}
	for _, name := range []string{KernelFile, InitrdFile, BaseFile} {
		if _, ok := m.Files[name]; !ok {
			return nil, fmt.Errorf("it doesn't name %s", name)
		}
	}
	if m.Root() == (File{}) {
		return nil, errors.New("it names no root.tar")
	}
	return m, nil
}

// Open reads the manifest of the image name in the folder dir. An image that
// isn't there is [ErrNoImage].
func Open(dir, name string) (*Manifest, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	f, err := file.Open(filepath.Join(dir, name, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s isn't in %s; build it with: rackhand image build %s", ErrNoImage, name, dir, name)
	}
	if err != nil {
		return nil, fmt.Errorf("open image %s: %w", name, err)
	}
	defer f.Close()
	data, err := readBounded(f, maxManifest)
	if err != nil {
		return nil, fmt.Errorf("image %s: read %s: %w", name, ManifestFile, err)
	}
	m, err := ParseManifest(data)
	if err == nil && m.Name != name {
		err = fmt.Errorf("it is of the image %q", m.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("image %s: %s: %w; build the image again", name, ManifestFile, err)
	}
	return m, nil
}

// List opens every image in dir, in order of name. A folder that isn't an image (a
// build under way) is left out; one whose manifest can't be read is an error,
// joined to the others and returned with the images that are well.
func List(dir string) ([]*Manifest, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	var (
		list []*Manifest
		errs []error
	)
	for _, e := range entries {
		if !e.IsDir() || CheckName(e.Name()) != nil {
			continue
		}
		m, err := Open(dir, e.Name())
		switch {
		case errors.Is(err, ErrNoImage):
		case err != nil:
			errs = append(errs, err)
		default:
			list = append(list, m)
		}
	}
	return list, errors.Join(errs...)
}
