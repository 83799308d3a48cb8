package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
)

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
	if errors.Is(err, provision.ErrNotKept) {
		code = http.StatusNotFound
	}
	return echo.NewHTTPError(code, err.Error())
}
