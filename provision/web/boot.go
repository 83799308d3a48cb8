package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rackhand/bootfiles/image"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/templates"
)

// Boot is the handler of port 80.
func (s *Server) Boot() http.Handler {
	e := newEcho(s.Log)
	both := []string{http.MethodGet, http.MethodHead}
	e.GET("/boot/ipxe", s.script)
	e.Match(both, "/boot/file/:name", s.bootFile)
	e.Match(both, "/image/:image/:file", s.imageFile)
	e.GET("/i/:token/ks", s.answer)
	e.POST("/i/:token/event", s.event)
	e.Match(both, "/i/:token/agent", s.agentBinary)
	e.Match(both, "/i/:token/ca.pem", s.caCert)
	if s.Mirror != nil {
		e.Any("/mirror/*", echo.WrapHandler(s.Mirror))
	}
	return e
}

// script hands iPXE its script, to the box that holds the lease of that MAC.
func (s *Server) script(c echo.Context) error {
	ctx := c.Request().Context()
	mac, err := inventory.ParseMAC(c.QueryParam("mac"))
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	from := peer(c)
	if addr, ok := s.Leased(ctx, mac); !ok || addr != from {
		s.refuse(from, "", "script-refused", fmt.Sprintf("%s asked for the boot script of %s, which does not hold that address", from, mac))
		return echo.NewHTTPError(http.StatusForbidden, "this address is not leased to that MAC")
	}
	d, err := s.Decide(ctx, boot.Request{MAC: mac, Client: boot.IPXE})
	if err != nil {
		s.Log.Error("deciding a boot", "mac", mac.String(), "error", err)
		return echo.NewHTTPError(http.StatusServiceUnavailable, "not ready")
	}
	if d.Action != boot.InstallIt {
		return s.render(c, "disk.ipxe", templates.Data{Host: &inventory.Host{}})
	}
	img, err := s.image(d.Host)
	if err != nil {
		s.warn(d.Host.Name, "no-image", err.Error())
		return echo.NewHTTPError(http.StatusServiceUnavailable, err.Error())
	}
	// A template that does not render must not cost an attempt.
	if _, err := s.Templates.Render("install.ipxe", s.data(d.Host, provision.Install{}, mac, "token", "", img), templates.Funcs(d.Host, s.Secret)); err != nil {
		s.warn(d.Host.Name, "template", err.Error())
		return echo.NewHTTPError(http.StatusServiceUnavailable, "the template does not render; the status page says why")
	}
	in, token, err := s.Journal.BeginAttempt(d.Host.Name, s.Random)
	if err != nil {
		s.warn(d.Host.Name, "no-attempt", "the boot script was not handed out: "+err.Error())
		return s.render(c, "disk.ipxe", templates.Data{Host: d.Host})
	}
	return s.render(c, "install.ipxe", s.data(d.Host, in, mac, token, "", img))
}

// Ready says what is missing for an install of a host to be handed out.
func (s *Server) Ready(h *inventory.Host) error {
	_, err := s.image(h)
	return err
}

// image finds the root image of a host's system.
func (s *Server) image(h *inventory.Host) (templates.Image, error) {
	if h.System == nil || h.System.Installer != inventory.InstallerImage {
		return templates.Image{}, fmt.Errorf("%s has no system that is an image", h.Name)
	}
	m, err := image.Open(s.Images, h.System.Image)
	if err != nil {
		return templates.Image{}, fmt.Errorf("the image of %s is not at hand: %w", h.Name, err)
	}
	root := m.Root()
	base := s.Appliance.URL + "/image/" + m.Name + "/"
	return templates.Image{
		URL: base + root.Name, SHA256: root.SHA256,
		Kernel: base + "vmlinuz", Initrd: base + "initrd.img",
	}, nil
}

// data is what templates are rendered from.
func (s *Server) data(h *inventory.Host, in provision.Install, mac inventory.MAC, token, enrol string, img templates.Image) templates.Data {
	base := s.Appliance.URL + "/i/" + token
	mirrors := make(map[string]string, len(s.Mirrors))
	for _, m := range s.Mirrors {
		mirrors[m] = s.Appliance.URL + "/mirror/" + m
	}
	return templates.Data{
		Host: h, Appliance: s.Appliance, Image: img, Mirrors: mirrors,
		Install: templates.Install{
			ID: in.ID, Wipe: in.Wipe, EnrolToken: enrol,
			Kickstart: base + "/ks", Report: base + "/event", Agent: base + "/agent", CA: base + "/ca.pem",
			BootIF: "01-" + strings.ReplaceAll(mac.String(), ":", "-"),
		},
	}
}

func (s *Server) render(c echo.Context, name string, d templates.Data) error {
	text, err := s.Templates.Render(name, d, templates.Funcs(d.Host, s.Secret))
	if err != nil {
		s.warn(d.Host.Name, "template", err.Error())
		return echo.NewHTTPError(http.StatusServiceUnavailable, "the template does not render; the status page says why")
	}
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

// bootFile sends a boot program to UEFI HTTP Boot.
func (s *Server) bootFile(c echo.Context) error {
	f, _, err := s.Files.Open(c.Param("name"))
	if err != nil {
		return echo.NewHTTPError(http.StatusNotFound, "no such boot file")
	}
	defer f.Close()
	// UEFI HTTP Boot wants this type for an .efi program.
	c.Response().Header().Set("Content-Type", "application/efi")
	return s.send(c, f, provision.Bootfile)
}

// imageFile sends a file of a root image.
func (s *Server) imageFile(c echo.Context) error {
	name, file := c.Param("image"), c.Param("file")
	m, err := image.Open(s.Images, name)
	if err != nil {
		return echo.NewHTTPError(http.StatusNotFound, "no such image")
	}
	if _, ok := m.Files[file]; !ok {
		return echo.NewHTTPError(http.StatusNotFound, "no such file in the image")
	}
	f, err := os.Open(filepath.Join(s.Images, name, file))
	if err != nil {
		return fmt.Errorf("image %s: %w", name, err)
	}
	defer f.Close()
	c.Response().Header().Set("Content-Type", "application/octet-stream")
	var stage provision.Stage
	if file == "initrd.img" {
		stage = provision.Kernel
	}
	return s.send(c, f, stage)
}

// send sends a file (HEAD and ranges too) and records that a host in an install
// has it, once its last byte was written.
func (s *Server) send(c echo.Context, f *os.File, stage provision.Stage) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	// The plain writer underneath echo's, since echo's hides sendfile.
	w := &counter{ResponseWriter: c.Response().Writer}
	began := s.Clock()
	http.ServeContent(w, c.Request(), "", st.ModTime(), f)
	c.Response().Committed = true
	if c.Request().Method != http.MethodGet || !w.reachedEnd(st.Size()) {
		return nil
	}
	host := s.hostAt(peer(c))
	if host == "" {
		return nil
	}
	took := s.Clock().Sub(began).Round(time.Millisecond)
	e := provision.Event{
		Host: host, Source: "http", Kind: "fetch", Stage: stage,
		Message: fmt.Sprintf("%s fetched: %d bytes in %s", filepath.Base(f.Name()), w.n, took),
		Fields:  map[string]string{"file": filepath.Base(f.Name()), "bytes": strconv.FormatInt(w.n, 10), "milliseconds": strconv.FormatInt(took.Milliseconds(), 10)},
	}
	if err := s.Journal.Record(e); err != nil {
		s.Log.Error("recording a fetch", "error", err)
	}
	return nil
}

// hostAt names the host at an address while an install of it is under way.
func (s *Server) hostAt(addr netip.Addr) string {
	h := s.Snapshot().HostByAddress(addr)
	if h == nil {
		return ""
	}
	if in, ok := s.Journal.Install(h.Name); !ok || in.Stage.Ended() {
		return ""
	}
	return h.Name
}

func (s *Server) warn(host, kind, message string) {
	s.say(provision.Event{Host: host, Source: "http", Kind: kind, Level: provision.LevelWarn, Message: message}, host)
}

// refuse records that somebody was refused, once a minute for each of them.
func (s *Server) refuse(from netip.Addr, host, kind, message string) {
	s.say(provision.Event{
		Host: host, Source: "http", Kind: kind, Level: provision.LevelWarn, Message: message,
		Fields: map[string]string{"address": from.String()},
	}, from.String())
}

func (s *Server) say(e provision.Event, offender string) {
	if !s.quiet.Allow(e.Kind+" "+offender, s.Clock()) {
		return
	}
	if err := s.Journal.Record(e); err != nil {
		s.Log.Error("recording an event", "kind", e.Kind, "error", err)
	}
}
