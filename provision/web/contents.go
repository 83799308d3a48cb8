package web

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision/catalog"
	"rackhand/provision/catalogs"
)

// Catalogs is what agents are given.
type Catalogs interface {
	// Catalog is that of a host. With an error, it is the last one that could be made, or nil.
	Catalog(h *inventory.Host) (*catalogs.Made, error)
	// Given notes what the agent of a host was given.
	Given(host string, m *catalogs.Made)
	// Last is what was given last, and the last one that agents of the first format can be
	// given; nil for none.
	Last(host string) (given, readable *catalogs.Made)
	// Content opens a content by its SHA-256.
	Content(sum string) (*os.File, error)
}

// errNotNamed answers for what the catalog of the host doesn't name, whether it is there or
// not.
var errNotNamed = echo.NewHTTPError(http.StatusNotFound, "the catalog of this host does not name that")

func (s *Server) catalog(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	if err := s.agentRuns(c, h); err != nil {
		return err
	}
	m, err := s.made(h)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	if catalog.FormatOf(c.Request().Header.Get(catalog.FormatHeader)) < catalog.Format2 {
		return s.firstFormat(c, h, m)
	}
	s.old.forget(h.Name)
	s.Catalogs.Given(h.Name, m)
	if same(c, m.Version) {
		return c.NoContent(http.StatusNotModified)
	}
	return c.JSONBlob(http.StatusOK, m.JSON)
}

// same sets the entity tag of an answer, and reports whether the agent has that already.
func same(c echo.Context, version string) bool {
	etag := `"` + version + `"`
	c.Response().Header().Set("ETag", etag)
	return c.Request().Header.Get("If-None-Match") == etag
}

// made is the catalog of a host. One that can't be made as it should be now is told of; the
// last one serves as long as there is one.
func (s *Server) made(h *inventory.Host) (*catalogs.Made, error) {
	m, err := s.Catalogs.Catalog(h)
	if err == nil {
		return m, nil
	}
	if m != nil {
		s.warn(h.Name, "catalog", "the catalog of "+h.Name+" does not compile, so its last one stays in force: "+err.Error())
		return m, nil
	}
	s.warn(h.Name, "catalog", "the catalog of "+h.Name+" does not compile: "+err.Error())
	return nil, echo.NewHTTPError(http.StatusServiceUnavailable, "the catalog does not compile; the status page says why")
}

// content streams a content that the host's catalog names: the one that its agent has, or
// the one of now. The agent itself is given to any host.
func (s *Server) content(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	sum := c.Param("sum")
	if !catalog.IsSHA256(sum) {
		return errNotNamed
	}
	given, _ := s.Catalogs.Last(h.Name)
	m, err := s.made(h)
	if err != nil && given == nil {
		return err
	}
	for _, m := range []*catalogs.Made{given, m} {
		if m == nil {
			continue
		}
		switch text, _, stored, ok := m.Content(sum); {
		case ok && stored:
			return s.stored(c, sum)
		case ok:
			return stream(c, strings.NewReader(text))
		}
	}
	if b, err := bootfiles.Payload(bootfiles.PayloadAgent); err == nil && catalog.Sum(string(b)) == sum {
		return stream(c, strings.NewReader(string(b)))
	}
	return errNotNamed
}

func (s *Server) stored(c echo.Context, sum string) error {
	f, err := s.Catalogs.Content(sum)
	if err != nil {
		s.Log.Error("a content that a catalog names", "sha256", sum, "error", err)
		if errors.Is(err, fs.ErrNotExist) {
			return errNotNamed
		}
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not at hand: try again")
	}
	defer f.Close()
	return stream(c, f)
}

// secret answers with the content of a sensitive file of the host's catalog, by its path.
func (s *Server) secret(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	m, err := s.made(h)
	if err != nil {
		return err
	}
	f := m.Sensitive(strings.TrimPrefix(c.Request().URL.Path, catalog.SecretsPath))
	if f == nil {
		return errNotNamed
	}
	if f.SHA256 != "" {
		return s.stored(c, f.SHA256)
	}
	return stream(c, strings.NewReader(f.Content))
}

// stream answers with bytes, piece by piece.
func stream(c echo.Context, from io.ReadSeeker) error {
	c.Response().Header().Set("Content-Type", "application/octet-stream")
	c.Response().Header().Set("Cache-Control", "no-store")
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, from)
	return nil
}
