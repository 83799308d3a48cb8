package handout

import (
	"errors"
	"fmt"

	"rackhand/bootfiles/image"
	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/templates"
)

// Image finds the files that a host boots, with URLs below at as the loader writes them. For
// an install they are the image or the media of its system. For a job they are the kernel and
// initrd of its system's image, or of any image for its processor: Anaconda's can't run a
// job.
func (m *Maker) Image(h *inventory.Host, job provision.Job, l Loader, at string) (templates.Image, error) {
	if job == provision.NoJob {
		return m.systemImage(h, l, at)
	}
	processor := inventory.ArchAMD64
	if h.System != nil {
		processor = h.System.Processor()
		if h.System.Installer == inventory.InstallerImage {
			if img, err := m.systemImage(h, l, at); err == nil {
				return img, nil
			}
		}
	}
	all, err := image.List(m.Images)
	for _, i := range all {
		if i.Arch == processor {
			lent := *h
			lent.System = &inventory.System{Name: i.Name, Installer: inventory.InstallerImage, Image: i.Name, Arch: processor}
			return m.systemImage(&lent, l, at)
		}
	}
	err = errors.Join(fmt.Errorf("no image for %s is there, and %s would boot its kernel: `rackhand image build debian12` makes one", processor, h.Name), err)
	return templates.Image{}, &provision.Lack{What: provision.LacksImage, Name: "debian12", Err: err}
}

func (m *Maker) systemImage(h *inventory.Host, l Loader, at string) (templates.Image, error) {
	if h.System != nil && h.System.Installer == inventory.InstallerAnaconda && m.Media != nil {
		return m.mediaOf(h, l, at)
	}
	if h.System == nil || h.System.Installer != inventory.InstallerImage {
		return templates.Image{}, &provision.Lack{What: provision.LacksSystem, Err: fmt.Errorf("%s has no system that is an image", h.Name)}
	}
	i, err := image.Open(m.Images, h.System.Image)
	if err != nil {
		return templates.Image{}, LackOfImage(h.System.Image, fmt.Errorf("the image of %s is not at hand: %w", h.Name, err))
	}
	if i.Arch != h.System.Processor() {
		return templates.Image{}, LackOfImage(i.Name, fmt.Errorf("the image %s is for %s, and the system %s of %s for %s: name another image, or set `arch:` of the system",
			i.Name, i.Arch, h.System.Name, h.Name, h.System.Processor()))
	}
	return RootImage(i.Name, i.Root(), l, at)
}

// RootImage returns the URLs of a root image.
func RootImage(name string, root image.File, l Loader, at string) (templates.Image, error) {
	base, err := l.Base(at)
	if err != nil {
		return templates.Image{}, err
	}
	folder := "/image/" + name + "/"
	return templates.Image{
		URL: at + folder + root.Name, SHA256: root.SHA256,
		Kernel: base + folder + image.KernelFile, Initrd: base + folder + image.InitrdFile,
	}, nil
}

// mediaOf finds the media of a host's system for Anaconda.
func (m *Maker) mediaOf(h *inventory.Host, l Loader, at string) (templates.Image, error) {
	found, err := m.Media.Media(h.System.Media)
	if err != nil {
		return templates.Image{}, LackOfMedia(h.System.Media, fmt.Errorf("the media of %s are not at hand: %w", h.Name, err))
	}
	if err := fits(found, h); err != nil {
		return templates.Image{}, &provision.Lack{What: provision.LacksOtherMedia, Name: found.Name, Err: err}
	}
	return MediaImage(found, l, at)
}

// MediaImage returns the URLs of media: kernel and initrd for the boot loader, and the tree
// for Anaconda.
func MediaImage(m *media.Manifest, l Loader, at string) (templates.Image, error) {
	base, err := l.Base(at)
	if err != nil {
		return templates.Image{}, err
	}
	folder := "/media/" + m.Name
	tree := at + folder
	if m.Mirror != "" {
		tree = mirrorURL(at, m.Mirror) + "/" + m.Path
	}
	img := templates.Image{
		Kernel: base + folder + "/" + m.Tree.Kernel, Initrd: base + folder + "/" + m.Tree.Initrd,
		Media: templates.Media{Stage2: tree},
	}
	if m.Packages {
		img.Media.Repo = tree
	}
	return img, nil
}

func mirrorURL(at, name string) string { return at + "/mirror/" + name }

// fits reports whether media are for the release and processor of a system: a Kickstart for
// another release fails in the middle of an install.
func fits(m *media.Manifest, h *inventory.Host) error {
	sys := h.System
	if m.Tree.Processor() != sys.Processor() {
		return fmt.Errorf("the media %s are for %s, and the system %s of %s for %s: name others, or set `arch:` of the system",
			m.Name, m.Tree.Processor(), sys.Name, h.Name, sys.Processor())
	}
	if m.Tree.Release() != sys.Release {
		return fmt.Errorf("the media %s are %s %s (%s), and the system %s of %s says release %s: name other media, or correct `release:`",
			m.Name, m.Tree.Family, m.Tree.Version, m.Tree.Release(), sys.Name, h.Name, sys.Release)
	}
	return nil
}
