package tftp

import (
	"fmt"
	"net/netip"
	"path"
	"strings"

	"rackhand/provision"
)

// noSuchFile records that a host asked for a name that we don't have. Firmware that does so
// was sent here by another PXE server, or by a setting of its own. Names in one folder count
// as one: a boot loader that looks for its configuration tries a dozen.
func (s *Server) noSuchFile(peer netip.Addr, name string) {
	from := peer.String()
	e := provision.Event{
		Kind: "no-such-file", Level: provision.LevelWarn,
		Message: fmt.Sprintf("asked for %s, and there is no such file", name),
		Fields:  map[string]string{"name": name, "address": from},
	}
	if name == "" {
		e.Message = "asked for a file without a name"
	}
	if probed(name) {
		e.Level = ""
	}
	what := name
	if folder := path.Dir(name); folder != "." {
		what = folder + "/"
	}
	if !s.Known(peer) {
		what = "" // one lookup a minute, whatever names it makes up
	}
	if host, ok := s.reports(peer, e.Kind, what+e.Level); ok {
		e.Host = host
		s.record(e)
	}
}

// probed reports whether boot programs that work look for a name in vain: GRUB its modules,
// lists and menus of other names, shim its revocations and certificates, iPXE a script. A
// script that a box may not have has an event of its own.
func probed(name string) bool {
	folder, file := path.Split(strings.ToLower(name))
	switch {
	case strings.HasPrefix(folder, "grub/"), strings.HasPrefix(folder, "ipxe/"):
		return true
	case strings.HasPrefix(file, "grub.cfg-"), path.Ext(file) == ".lst", file == "autoexec.ipxe":
		return true
	}
	return path.Ext(file) == ".efi" && (strings.HasPrefix(file, "revocations") || strings.HasPrefix(file, "shim_certificate"))
}
