package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
)

// A MirrorFile is a file that the mirror cache keeps.
type MirrorFile struct {
	Path     string    `json:"path"` // NAME/PATH, in a URL's encoding
	Size     int64     `json:"size"` // bytes
	Stored   time.Time `json:"stored"`
	Used     time.Time `json:"used"` // to the hour
	SHA256   string    `json:"sha256,omitempty"`
	Outdated bool      `json:"outdated,omitempty"` // the archive's index names another file by that name
}

// A MirrorForgotten says what was removed from the mirror cache.
type MirrorForgotten struct {
	Files    int   `json:"files"`
	Bytes    int64 `json:"bytes"`
	UnderWay int   `json:"under_way"` // downloads that go on, and aren't kept
}

// ErrNotKept is an Operator's answer about what the mirror cache doesn't keep.
var ErrNotKept = errors.New("the mirror cache keeps nothing there")

// mirrorRoutes are those of `rackhand mirror list` and `rackhand mirror forget`.
func (s *Server) mirrorRoutes(e *echo.Echo) {
	e.GET("/api/mirror", func(c echo.Context) error {
		files, err := s.Operator.MirrorList(c.Request().Context(), c.QueryParam("at"))
		if err != nil {
			return mirrorError(err)
		}
		return c.JSON(http.StatusOK, files)
	})
	e.DELETE("/api/mirror", func(c echo.Context) error {
		got, err := s.Operator.MirrorForget(c.Request().Context(), c.QueryParam("at"))
		if err != nil {
			return mirrorError(err)
		}
		return c.JSON(http.StatusOK, got)
	})
}

func mirrorError(err error) error {
	code := http.StatusBadRequest
	if errors.Is(err, ErrNotKept) {
		code = http.StatusNotFound
	}
	return echo.NewHTTPError(code, err.Error())
}

// MirrorQuery is the query of the mirror's routes for a place: NAME/PATH, a folder with
// a slash at its end, or "" for everything.
func MirrorQuery(at string) string { return "?" + url.Values{"at": {at}}.Encode() }
