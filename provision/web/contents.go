package web

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles"
	"rackhand/inventory"
	"rackhand/provision/catalog"
	"rackhand/provision/catalogs"
)

// Catalogs gives agents their catalogs and contents.
type Catalogs interface {
	// Catalog returns a host's catalog. With an error, it returns the last one that could be
	// made, or nil.
	Catalog(h *inventory.Host) (*catalogs.Made, error)
	// Given records the catalog that the agent of a host has now.
	Given(host string, m *catalogs.Made)
	// Last returns the catalog that the agent got last; nil for none.
	Last(host string) *catalogs.Made
	// Readable returns the last catalog that agents of an older format can be given; nil for
	// none.
	Readable(host string, format int) *catalogs.Made
	// Content opens a content by its SHA-256.
	Content(sum string) (*os.File, error)
}

// errNotNamed is the answer for everything that the host's catalog doesn't name. It is the
// same whether the content exists or not.
var errNotNamed = echo.NewHTTPError(http.StatusNotFound, "the catalog of this host does not name that")

func (s *Server) catalog(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	if err := s.agentRuns(c, h); err != nil {
		return err
	}
	// Before the catalog is made: one that can't be made may lack the facts.
	has := c.Request().Header.Get(catalog.HeaderFacts)
	if has != "" && has != s.Facts.Sum(h.Name) {
		c.Response().Header().Set(catalog.HeaderFacts, catalog.FactsWanted)
	}
	m, err := s.made(h)
	if err != nil {
		return err
	}
	if has == "" && len(m.Waiting) > 0 {
		s.factsMissing(h.Name, m.Waiting)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().Header().Set(catalog.FormatHeader, strconv.Itoa(catalog.Format3))
	format := catalog.FormatOf(c.Request().Header.Get(catalog.FormatHeader))
	if why := m.TooMuch(format); why != "" {
		return s.tooOld(c, h, format, why)
	}
	s.old.forget(h.Name)
	s.Catalogs.Given(h.Name, m)
	return give(c, m, format)
}

// give answers with a catalog in a format, unless the agent has it already.
func give(c echo.Context, m *catalogs.Made, format int) error {
	version := m.Version
	if format < catalog.Format2 {
		version = m.Catalog.Version
	}
	switch {
	case same(c, version):
		return c.NoContent(http.StatusNotModified)
	case format < catalog.Format2:
		return c.JSON(http.StatusOK, m.Catalog)
	}
	return c.JSONBlob(http.StatusOK, m.JSON)
}

// same sets the entity tag of an answer, and reports whether the agent has that already.
func same(c echo.Context, version string) bool {
	etag := `"` + version + `"`
	c.Response().Header().Set("ETag", etag)
	return c.Request().Header.Get("If-None-Match") == etag
}

// made returns the catalog of a host. When a new one can't be made, an event says why, and
// the last one stays in force.
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

// content streams a content that the host's catalog names: the catalog that its agent has, or
// the current one. Any host may fetch the agent's own binary.
func (s *Server) content(c echo.Context) error {
	h, err := s.agent(c)
	if err != nil {
		return err
	}
	sum := c.Param("sum")
	if !catalog.IsSHA256(sum) {
		return errNotNamed
	}
	given := s.Catalogs.Last(h.Name)
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
	for _, p := range bootfiles.Processors() {
		if sum != s.agentSums()[p] {
			continue
		}
		b, err := bootfiles.Payload(bootfiles.PayloadAgent, p)
		if err != nil {
			return err
		}
		return stream(c, bytes.NewReader(b))
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
		return echo.NewHTTPError(http.StatusServiceUnavailable, "the content can't be read at this moment: try again")
	}
	defer f.Close()
	return stream(c, f)
}

// asked is the catalog of the host whose agent asks.
func (s *Server) asked(c echo.Context) (*catalogs.Made, error) {
	h, err := s.agent(c)
	if err != nil {
		return nil, err
	}
	return s.made(h)
}

// secret answers with the content of a sensitive file of the host's catalog, by its path.
func (s *Server) secret(c echo.Context) error {
	m, err := s.asked(c)
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

// secretOf answers with the secret of another resource of the host's catalog, by its id.
func (s *Server) secretOf(c echo.Context) error {
	m, err := s.asked(c)
	if err != nil {
		return err
	}
	text, ok := m.SecretOf(strings.TrimPrefix(c.Request().URL.Path, catalog.SecretOfPath))
	if !ok {
		return errNotNamed
	}
	return stream(c, strings.NewReader(text))
}

// stream answers with bytes, piece by piece.
func stream(c echo.Context, from io.ReadSeeker) error {
	c.Response().Header().Set("Content-Type", "application/octet-stream")
	c.Response().Header().Set("Cache-Control", "no-store")
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, from)
	return nil
}

// sumsOfAgents are the SHA-256 of the agents that this program carries, by processor. It has
// none for a processor without an agent.
func sumsOfAgents() map[string]string {
	sums := map[string]string{}
	for _, p := range bootfiles.Processors() {
		if b, err := bootfiles.Payload(bootfiles.PayloadAgent, p); err == nil {
			sums[p] = catalog.Sum(string(b))
		}
	}
	return sums
}
