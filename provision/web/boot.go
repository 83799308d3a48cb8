package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/handout"
	"rackhand/provision/trace"
)

// Boot is the handler of port 80, for boot loaders, installers and package managers.
func (s *Server) Boot() http.Handler {
	e := newEcho(s.Log)
	answer := e.HTTPErrorHandler
	e.HTTPErrorHandler = func(err error, c echo.Context) { answer(s.decisive(err, c), c) }
	both := []string{http.MethodGet, http.MethodHead}
	e.GET("/boot/ipxe", s.script)
	e.GET("/grub/*", s.grub)
	e.Match(both, "/boot/file/:name", s.bootFile)
	e.Match(both, "/image/:image/:file", s.imageFile)
	if s.Handout.Media != nil {
		e.Match(both, "/media/:media/*", s.mediaFile)
	}
	e.GET("/i/:token/ks", s.answer)
	e.GET("/i/:token/bmc", s.bmcSettings)
	e.POST("/i/:token/event", s.event)
	e.GET("/i/:token/job", s.order)
	e.GET("/i/:token/alive", s.alive)
	e.POST("/i/:token/report", s.jobReport)
	e.Match(both, "/i/:token/agent", s.agentBinary)
	e.Match(both, "/i/:token/ca.pem", s.caCert)
	if s.Mirror != nil {
		e.Any("/mirror/*", echo.WrapHandler(s.Mirror))
	}
	return trace.Handler(s.Trace, false, s.Clock, &bootHandler{routes: e, patience: piecePatience, initrd: s.forInitrd})
}

// pathParam returns a part of a request's path, decoded. echo doesn't decode it when the
// client encodes more than Go would: libstdc%2B%2B.rpm.
func pathParam(c echo.Context, name string) string {
	value := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return value
	}
	decoded, err := url.PathUnescape(value)
	if err != nil {
		return "" // no route matches a path that can't be decoded
	}
	return decoded
}

// script sends iPXE its script, if the box holds the lease of the MAC that it names.
func (s *Server) script(c echo.Context) error {
	ctx := c.Request().Context()
	mac, err := inventory.ParseMAC(c.QueryParam("mac"))
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	from := peer(c)
	switch addr, ok := s.Leased(ctx, mac); {
	case !ok:
		// Beside another DHCP server, the box may ask before we have heard of its lease.
		return echo.NewHTTPError(http.StatusServiceUnavailable, "no lease of that MAC was seen yet")
	case addr != from:
		s.refuseAbout(from, s.nameOf(mac), "script-refused", fmt.Sprintf("%s asked for the boot script of %s, which does not hold that address", from, mac))
		return echo.NewHTTPError(http.StatusForbidden, "this address is not leased to that MAC")
	}
	if s.misplaced(mac, from) {
		return echo.NewHTTPError(http.StatusForbidden, "this is not that box's address in the inventory")
	}
	text, _, err := s.bootScript(ctx, mac, from, handout.IPXEHTTP)
	if err != nil {
		return refusal(err)
	}
	return plain(c, text)
}

// grub sends the menu to a GRUB that was built with HTTP.
func (s *Server) grub(c echo.Context) error {
	said, ok := handout.GRUBMenu(pathParam(c, "*"))
	if !ok {
		return echo.NewHTTPError(http.StatusNotFound, "no such file of GRUB")
	}
	text, err := s.menu(c.Request().Context(), peer(c), said, handout.GRUBHTTP)
	if errors.Is(err, fs.ErrNotExist) {
		return echo.NewHTTPError(http.StatusForbidden, "this address is not leased to that MAC")
	}
	if err != nil {
		return unavailable(err)
	}
	return plain(c, text)
}

// plain sends a text with its length: boot loaders may not know chunks.
func plain(c echo.Context, text string) error {
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(text)))
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

// unavailable is a 503: the client should ask again later.
func unavailable(err error) error {
	return echo.NewHTTPError(http.StatusServiceUnavailable, err.Error())
}

// bootFile sends a boot program to UEFI HTTP Boot.
func (s *Server) bootFile(c echo.Context) error {
	name := pathParam(c, "name")
	f, _, err := s.Files.Open(name)
	if errors.Is(err, bootfiles.ErrMissing) {
		// Our own scripts name this program, so the operator has to install it.
		from := peer(c)
		fields := provision.LackFields(err)
		fields["file"], fields["address"] = name, from.String()
		s.say(provision.Event{
			Host: s.hostAt(c.Request().Context(), from), Source: "http", Kind: "fetch-failed", Level: provision.LevelError,
			Message: fmt.Sprintf("asked for %s: %v", name, err), Fields: fields,
		}, from.String())
	}
	if err != nil {
		s.noSuchFile(c, name, err)
		return echo.NewHTTPError(http.StatusNotFound, "no such boot file")
	}
	defer f.Close()
	// UEFI HTTP Boot wants this type for an .efi program.
	kind := "application/octet-stream"
	if strings.HasSuffix(strings.ToLower(name), ".efi") {
		kind = "application/efi"
	}
	c.Response().Header().Set("Content-Type", kind)
	return s.send(c, f, provision.Bootfile)
}

// noSuchFile records that a host in an install asks for a boot program that we don't have:
// another server, or a setting of its own, sent its firmware here.
func (s *Server) noSuchFile(c echo.Context, name string, err error) {
	from := peer(c)
	host := s.hostAt(c.Request().Context(), from)
	if host == "" || errors.Is(err, bootfiles.ErrMissing) {
		return
	}
	name = printable(name, 80)
	s.say(provision.Event{
		Host: host, Source: "http", Kind: "no-such-file", Level: provision.LevelWarn,
		Message: fmt.Sprintf("asked for %s, and there is no such file", name),
		Fields:  map[string]string{"name": name, "address": from.String()},
	}, name)
}

// imageFile sends a file of a root image.
func (s *Server) imageFile(c echo.Context) error {
	name, file := pathParam(c, "image"), pathParam(c, "file")
	m, err := image.Open(s.Handout.Images, name)
	switch {
	case errors.Is(err, image.ErrNoImage) && s.expected(name):
		s.lacksAt(c, handout.LackOfImage(name, err))
		return echo.NewHTTPError(http.StatusServiceUnavailable, "that image is not built yet")
	case errors.Is(err, image.ErrNoImage), image.CheckName(name) != nil:
		return echo.NewHTTPError(http.StatusNotFound, "no such image")
	case err != nil:
		s.Log.Error("an image can't be served", "image", name, "error", err)
		s.lacksAt(c, handout.LackOfImage(name, err))
		return echo.NewHTTPError(http.StatusServiceUnavailable, "that image can't be read at this moment")
	}
	// Only the files that a box needs: the list of packages would reveal their versions.
	if file != image.KernelFile && file != image.InitrdFile && file != m.Root().Name || file == "" {
		return echo.NewHTTPError(http.StatusNotFound, "no such file in the image")
	}
	f, err := os.Open(filepath.Join(s.Handout.Images, name, file))
	if errors.Is(err, fs.ErrNotExist) { // a new image is just replacing this one
		return echo.NewHTTPError(http.StatusServiceUnavailable, "that image is being replaced")
	}
	if err != nil {
		return fmt.Errorf("image %s: %w", name, err)
	}
	defer f.Close()
	c.Response().Header().Set("Content-Type", "application/octet-stream")
	return s.send(c, f, handout.StageOfImage(file))
}

// expected reports whether a system of the inventory uses an image, which may be missing.
func (s *Server) expected(name string) bool {
	return s.anySystem(func(system *inventory.System) bool { return system.Image == name })
}

// anySystem reports whether the inventory has such a system, and true before it is loaded.
func (s *Server) anySystem(such func(*inventory.System) bool) bool {
	snap := s.Snapshot()
	return snap == nil || slices.ContainsFunc(slices.Collect(maps.Values(snap.Systems)), such)
}

// lacksAt records that the image or media are gone which a host in an install asks for.
func (s *Server) lacksAt(c echo.Context, err error) {
	if host := s.hostAt(c.Request().Context(), peer(c)); host != "" {
		s.lacks(host, "no-image", err)
	}
}

// lacks records what a host's install lacks.
func (s *Server) lacks(host, kind string, err error) {
	s.say(provision.Event{Host: host, Source: "http", Kind: kind, Level: provision.LevelWarn, Message: err.Error(), Fields: provision.LackFields(err)}, host)
}

func (s *Server) warn(host, kind, message string) {
	s.say(provision.Event{Host: host, Source: "http", Kind: kind, Level: provision.LevelWarn, Message: message}, host)
}

// refuse records a refused request, once a minute for each kind and address.
func (s *Server) refuse(from netip.Addr, host, kind, message string) {
	s.recordRefusal(from, provision.Event{
		Host: host, Source: "http", Kind: kind, Level: provision.LevelWarn, Message: message,
		Fields: map[string]string{"address": from.String()},
	})
}

// refuseAbout is refuse for a request that names a host and doesn't come from its address: it
// is not the host's own act.
func (s *Server) refuseAbout(from netip.Addr, host, kind, message string) {
	fields := map[string]string{"address": from.String()}
	if host != "" {
		fields["about"] = host
	}
	s.recordRefusal(from, provision.Event{Source: "http", Kind: kind, Level: provision.LevelWarn, Message: message, Fields: fields})
}

// nameOf is the host with a MAC; "" for none.
func (s *Server) nameOf(mac inventory.MAC) string {
	if snap := s.Snapshot(); snap != nil {
		if h := snap.HostByMAC(mac); h != nil {
			return h.Name
		}
	}
	return ""
}

func (s *Server) recordRefusal(from netip.Addr, e provision.Event) {
	if !s.refused.Allow(e.Kind+" "+from.String(), s.Clock()) {
		return
	}
	// A refusal at a host's address counts as the host's, so a flood from other addresses
	// can't suppress it.
	s.sayOf(cmp.Or(e.Host, s.HostOf(context.Background(), from)), e, from.String())
}

func (s *Server) say(e provision.Event, offender string) { s.sayOf(e.Host, e, offender) }

// sayOf records an event, once a minute for each offender, within the share of a host.
func (s *Server) sayOf(host string, e provision.Event, offender string) {
	if !s.Flood.Allow("http "+e.Kind, host, offender) {
		return
	}
	if err := s.Journal.Record(e); err != nil {
		s.Log.Error("recording an event", "kind", e.Kind, "error", err)
	}
}
