package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles"
	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/templates"
)

// mediaOf finds the media of a host's system for Anaconda, and its kernel as a loader
// names it that reaches us at the URL at.
func (s *Server) mediaOf(h *inventory.Host, l loader, at string) (templates.Image, error) {
	m, err := s.Media.Media(h.System.Media)
	if err != nil {
		return templates.Image{}, fmt.Errorf("the media of %s are not at hand: %w", h.Name, err)
	}
	if err := fits(m, h); err != nil {
		return templates.Image{}, err
	}
	base, err := l.base(at)
	if err != nil {
		return templates.Image{}, err
	}
	return MediaImage(m, base, at), nil
}

// MediaImage is where media are handed out: kernel and initrd below base, which is how
// the boot loader names us, and their tree below the URL at.
func MediaImage(m *media.Manifest, base, at string) templates.Image {
	folder := "/media/" + m.Name
	tree := at + folder
	if m.Mirror != "" {
		tree = at + "/mirror/" + m.Mirror + "/" + m.Path
	}
	img := templates.Image{
		Kernel: base + folder + "/" + m.Tree.Kernel, Initrd: base + folder + "/" + m.Tree.Initrd,
		Media: templates.Media{Stage2: tree},
	}
	if m.Packages {
		img.Media.Repo = tree
	}
	return img
}

// fits reports whether media are for the release and processor that a system says: a
// Kickstart of another release fails in the middle of an install.
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

// mediaFile sends a file of the media, straight out of its ISO. Anaconda and dnf look
// for files that are not on every one (images/updates.img, product.img,
// LiveOS/squashfs.img): a file that isn't there is no event and no alarm.
func (s *Server) mediaFile(c echo.Context) error {
	name, file := pathParam(c, "media"), strings.TrimSuffix(pathParam(c, "*"), "/")
	m, err := s.Media.Media(name)
	switch {
	case errors.Is(err, media.ErrNoMedia) && s.expectedMedia(name):
		return echo.NewHTTPError(http.StatusServiceUnavailable, "those media are not added yet")
	case errors.Is(err, media.ErrNoMedia), media.CheckName(name) != nil:
		return echo.NewHTTPError(http.StatusNotFound, "no such media")
	case err != nil:
		s.mediaBroken(c, name, err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "those media can't be read at this moment")
	}
	f, err := s.Media.Open(name, file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return echo.NewHTTPError(http.StatusNotFound, "no such file on the media")
	}
	if err != nil {
		s.mediaBroken(c, name, err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "that file can't be read at this moment")
	}
	defer f.Close()
	if from := s.hostAt(c.Request().Context(), peer(c)); from != "" {
		s.rows.end(from)
	}
	h := c.Response().Header()
	h.Set("Content-Type", mediaType(file))
	h.Set("ETag", `"`+f.Tag+`"`)
	stage, told := stageOfMedia(m, file)
	return s.sendContent(c, f, f.Name, f.ModTime, f.Size, stage, told)
}

// mediaBroken tells the operator of media that were there, and are so no more.
func (s *Server) mediaBroken(c echo.Context, name string, err error) {
	from := peer(c)
	s.Log.Error("media can't be served", "media", name, "error", err)
	s.say(provision.Event{
		Host: s.hostAt(c.Request().Context(), from), Source: "http", Kind: "media-broken", Level: provision.LevelError,
		Message: err.Error(), Fields: map[string]string{"media": name, "address": from.String()},
	}, name)
}

// stageOfMedia is the stage that a file of the media brings an install to, and whether
// its transfer is an event at all: the thousand packages of an install are not.
func stageOfMedia(m *media.Manifest, file string) (stage provision.Stage, told bool) {
	switch file {
	case m.Tree.Initrd:
		return provision.Kernel, true
	case m.Tree.Kernel, m.Tree.Stage2:
		return "", true
	}
	return "", false
}

// mediaType is what a file of the media is served as.
func mediaType(file string) string {
	switch ext := strings.ToLower(path.Ext(file)); {
	case path.Base(file) == media.TreeinfoFile, path.Base(file) == ".discinfo", ext == ".cfg":
		return "text/plain; charset=utf-8"
	case ext == ".xml":
		return "application/xml"
	case ext == ".gz":
		return "application/gzip"
	case ext == ".xz":
		return "application/x-xz"
	case ext == ".zst":
		return "application/zstd"
	case ext == ".rpm":
		return "application/x-rpm"
	case ext == ".efi":
		return "application/efi"
	}
	return "application/octet-stream"
}

// expectedMedia reports whether media that aren't there are some that somebody waits
// for.
func (s *Server) expectedMedia(name string) bool {
	return s.anySystem(func(system *inventory.System) bool {
		return system.Media == name && system.Installer == inventory.InstallerAnaconda
	})
}

// efiFolder has the boot loaders of media. GRUB looks for its menu beside itself: ours
// stands there instead of the one that is for a DVD.
const efiFolder = "EFI/BOOT/"

// mediaBootFile is a boot loader, the kernel or the initrd of media, by TFTP, for hosts
// that are being installed.
func (s *Server) mediaBootFile(ctx context.Context, peer netip.Addr, rest string) (io.ReadSeekCloser, int64, error) {
	name, file, _ := strings.Cut(rest, "/")
	if media.CheckName(name) != nil {
		return nil, 0, fmt.Errorf("%w: media/%.80q", bootfiles.ErrName, rest)
	}
	if s.hostAt(ctx, peer) == "" {
		return nil, 0, fmt.Errorf("media/%s: no install of the box at %s is under way: %w", rest, peer, fs.ErrNotExist)
	}
	m, err := s.Media.Media(name)
	if err != nil {
		return nil, 0, errors.Join(err, fs.ErrNotExist)
	}
	loader, inFolder := strings.CutPrefix(file, efiFolder)
	if inFolder {
		if said, ok := grubMenu(loader); ok {
			text, err := s.menu(ctx, peer, said, grubTFTP)
			if err != nil {
				return nil, 0, err
			}
			return textFile(text)
		}
	}
	program := inFolder && strings.HasSuffix(strings.ToLower(loader), ".efi") && !strings.Contains(loader, "/")
	if !program && file != m.Tree.Kernel && file != m.Tree.Initrd {
		return nil, 0, fmt.Errorf("media/%s: by TFTP there are boot loaders, kernel and initrd: %w", rest, fs.ErrNotExist)
	}
	f, err := s.Media.Open(name, file)
	if err != nil {
		return nil, 0, err
	}
	stage, _ := stageOfMedia(m, file)
	if program {
		stage = provision.Bootfile
	}
	return staged{f, stage}, f.Size, nil
}
