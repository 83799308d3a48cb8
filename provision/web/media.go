package web

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/handout"
)

// mediaFile sends a file of the media, straight out of its ISO. Anaconda and dnf look
// for files that are not on every one (images/updates.img, product.img,
// LiveOS/squashfs.img), so a missing file causes no event.
func (s *Server) mediaFile(c echo.Context) error {
	name, file := pathParam(c, "media"), strings.TrimSuffix(pathParam(c, "*"), "/")
	m, err := s.Handout.Media.Media(name)
	switch {
	case errors.Is(err, media.ErrNoMedia) && s.expectedMedia(name):
		s.lacksAt(c, handout.LackOfMedia(name, err))
		return echo.NewHTTPError(http.StatusServiceUnavailable, "those media are not added yet")
	case errors.Is(err, media.ErrNoMedia), media.CheckName(name) != nil:
		return echo.NewHTTPError(http.StatusNotFound, "no such media")
	case err != nil:
		s.mediaBroken(c, name, err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "those media can't be read at this moment")
	}
	f, err := s.Handout.Media.Open(name, file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return echo.NewHTTPError(http.StatusNotFound, "no such file on the media")
	}
	if err != nil {
		s.mediaBroken(c, name, err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "that file can't be read at this moment")
	}
	defer f.Close()
	if from := s.hostAt(c.Request().Context(), peer(c)); from != "" {
		s.retries.end(from)
	}
	h := c.Response().Header()
	h.Set("Content-Type", mediaType(file))
	h.Set("ETag", `"`+f.Tag+`"`)
	stage, told := handout.StageOfMedia(m, file)
	return s.sendContent(c, f, f.Name, f.ModTime, f.Size, stage, told)
}

// mediaBroken reports media that can't be read any more to the operator.
func (s *Server) mediaBroken(c echo.Context, name string, err error) {
	from := peer(c)
	s.Log.Error("media can't be served", "media", name, "error", err)
	s.say(provision.Event{
		Host: s.hostAt(c.Request().Context(), from), Source: "http", Kind: "media-broken", Level: provision.LevelError,
		Message: err.Error(), Fields: map[string]string{"media": name, "address": from.String(), "lacks": provision.LacksWholeMedia, "name": name},
	}, name)
}

// mediaType returns the Content-Type of a file of the media.
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

// expectedMedia reports whether a system of the inventory uses media, which may be missing.
func (s *Server) expectedMedia(name string) bool {
	return s.anySystem(func(system *inventory.System) bool {
		return system.Media == name && system.Installer == inventory.InstallerAnaconda
	})
}
