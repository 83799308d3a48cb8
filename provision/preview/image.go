package preview

import (
	"errors"
	"fmt"
	"path/filepath"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/media"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/handout"
	"rackhand/templates"
)

// imageOf returns the image or media of a host's system, from the state folder of cfg, or
// stand-ins with a note why. cfg may be nil. at is the appliance's URL.
func imageOf(cfg *config.Config, h *inventory.Host, l handout.Loader, at string) (img templates.Image, note string, err error) {
	if h.System.Installer == inventory.InstallerImage {
		root, note := rootOf(cfg, h.System.Image)
		img, err := handout.RootImage(h.System.Image, root, l, at)
		return img, note, err
	}
	m, note := mediaOf(cfg, h.System.Media)
	img, err = handout.MediaImage(m, l, at)
	return img, note, err
}

// rootOf is the root file of an image. Zeros stand for an unknown checksum.
func rootOf(cfg *config.Config, name string) (root image.File, note string) {
	why := "no configuration says where it lies"
	if cfg != nil {
		m, err := image.Open(filepath.Join(cfg.State, "images"), name)
		if err == nil {
			return m.Root(), ""
		}
		if why = err.Error(); errors.Is(err, image.ErrNoImage) {
			why = "it is not built yet"
		}
	}
	return image.File{Name: image.RootFile, SHA256: placeholder}, fmt.Sprintf("zeros stand for the checksum of the image %s: %s", name, why)
}

// mediaOf is the manifest of media for Anaconda. The usual paths stand for unknown ones.
func mediaOf(cfg *config.Config, name string) (m *media.Manifest, note string) {
	why := "no configuration says where they lie"
	if cfg != nil {
		m, err := media.Load(filepath.Join(cfg.State, "media"), name)
		if err == nil {
			return m, ""
		}
		why = err.Error()
	}
	usual := media.Treeinfo{Kernel: "images/pxeboot/vmlinuz", Initrd: "images/pxeboot/initrd.img"}
	return &media.Manifest{Name: name, Tree: usual, Packages: true}, fmt.Sprintf("the usual paths stand for those of the media %s: %s", name, why)
}
