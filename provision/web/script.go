package web

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"rackhand/bootfiles/image"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/templates"
)

// A loader is a boot loader that asks for its script, and how it fetches kernel and
// initrd. Its templates are install.NAME and disk.NAME.
type loader struct {
	name   string // ipxe or grub
	client boot.Client
	tftp   bool // else by HTTP
}

// The loaders that there are scripts for.
var (
	ipxeHTTP = loader{"ipxe", boot.IPXE, false}
	ipxeTFTP = loader{"ipxe", boot.IPXE, true}
	grubHTTP = loader{"grub", boot.GRUB, false}
	grubTFTP = loader{"grub", boot.GRUB, true}
)

// A notReady is the reason why a script can't be handed out at this moment though
// the box may have one: it is to ask again.
type notReady struct{ error }

// bootScript decides what the box with this MAC boots, and renders the script. It is the
// one way to an installer, whatever asks. A script that goes out by HTTP begins an attempt,
// with a token of its own; one that goes by TFTP offers a token (see Server.token).
// The install is what it is about, its zero value when the box boots its disk.
// An error is notReady, unheard or errStranger.
func (s *Server) bootScript(ctx context.Context, mac inventory.MAC, from netip.Addr, l loader) (string, provision.Install, error) {
	none := provision.Install{}
	wait := func(format string, args ...any) (string, provision.Install, error) {
		return "", none, notReady{fmt.Errorf(format, args...)}
	}
	snap := s.Snapshot()
	if snap == nil {
		return wait("the inventory is not loaded yet")
	}
	h, proved := snap.HostByMAC(mac), provision.Install{}
	disk := func() (string, provision.Install, error) {
		if h == nil {
			h = &inventory.Host{}
		}
		text, err := s.render("disk."+l.name, templates.Data{Host: h})
		return text, none, err
	}
	if h != nil {
		// DHCP arms a first install, and has seen firmware there and its processor. Any
		// program on the box can ask for a script.
		about, ever := s.Journal.Current(h.Name)
		if !ever || about.NeverCame() {
			return disk()
		}
		// Before anything is decided: that may end an install, or ask the operator.
		if !about.Stage.Ended() {
			if err := s.ofBox(ctx, h, mac, from, about); err != nil {
				return "", none, err
			}
		}
		proved = about
	}
	// What asks for a script was sent here by DHCP, which has seen its processor
	// (option 93): it is that of the host's system, or it would not be here.
	req := boot.Request{MAC: mac, Arch: boot.ArchX64UEFI, Client: l.client, Chained: true, Proved: !l.tftp}
	if h != nil && h.System != nil && h.System.Processor() == inventory.ArchARM64 {
		req.Arch = boot.ArchARM64UEFI
	}
	d, err := s.Decide(ctx, req)
	if err != nil {
		s.Log.Error("deciding a boot", "mac", mac.String(), "error", err)
		return wait("not ready")
	}
	if d.Action != boot.InstallIt || !d.Script {
		return disk()
	}
	at := s.appliance(ctx)
	about, _ := s.Journal.Current(d.Host.Name)
	if about.ID != proved.ID { // armed in between
		return wait("what %s is armed for has just changed", d.Host.Name)
	}
	if err := s.confirmed(ctx, d.Host, mac, about, provision.Held{Attempt: about.Attempts + 1, Address: from.String()}); err != nil {
		return "", none, err
	}
	img, err := s.imageOf(d.Host, about.Job, l, at.URL)
	if err != nil {
		s.warn(d.Host.Name, "no-image", err.Error())
		return "", none, notReady{err}
	}
	// A template that does not render must not cost an attempt.
	if _, err := s.render("install."+l.name, s.data(at, d.Host, provision.Install{Job: about.Job}, mac, "token", "", img)); err != nil {
		return "", none, err
	}
	if about.Job == provision.NoJob {
		if err := s.renders(at, d.Host, mac, img); err != nil {
			s.warn(d.Host.Name, "template", err.Error())
			return "", none, notReady{errors.New("the answer file does not render; the status page says why")}
		}
	}
	in, token, err := s.token(d.Host.Name, l)
	if err != nil {
		s.warn(d.Host.Name, "no-attempt", "the boot script was not handed out: "+err.Error())
		return disk()
	}
	s.waits.end(mac)
	if in.ID != about.ID { // another was armed in between, which nothing was decided about
		return wait("what %s is armed for has just changed", d.Host.Name)
	}
	if in.Wipe && !in.MayWipe(mac.String()) {
		s.warn(d.Host.Name, "no-wipe", fmt.Sprintf("--wipe was said when %s was another box (%s), so it doesn't count for %s: `rackhand cancel %s` and `rackhand install %s --wipe` say it of this one",
			d.Host.Name, strings.Join(in.MACs, ", "), mac, d.Host.Name, d.Host.Name))
	}
	text, err := s.render("install."+l.name, s.data(at, d.Host, in, mac, token, "", img))
	return text, in, err
}

// misplaced reports whether a box that asks for its script stands, on a network where
// another server gives the addresses, at another one than the inventory's. Then it has
// none: what a client was heard to ask for can be said by anybody in one datagram, from
// whatever address he has. It could not go on either: agents and checks go by the
// inventory's address.
func (s *Server) misplaced(mac inventory.MAC, from netip.Addr) bool {
	snap := s.Snapshot()
	if snap == nil {
		return false
	}
	h, n := snap.HostByMAC(mac), snap.NetworkOf(from)
	if h == nil || h.Address == from || n == nil || n.Mode() != inventory.DHCPProxy {
		return false
	}
	s.warn(h.Name, "script-refused", fmt.Sprintf("%s asked for the boot script of %s, whose address in the inventory is %s: reserve %s for %s on the DHCP server of network %s, or correct `address` in the inventory",
		from, h.Name, h.Address, h.Address, mac, n.Name))
	return true
}

func (s *Server) render(name string, d templates.Data) (string, error) {
	text, err := s.Templates.Render(name, d, templates.Funcs(d.Host, s.Secret))
	if err != nil {
		s.warn(d.Host.Name, "template", err.Error())
		return "", notReady{errors.New("the template does not render; the status page says why")}
	}
	return text, nil
}

// HasImage says what of the image or media of a host's system is missing.
func (s *Server) HasImage(h *inventory.Host) error {
	_, err := s.image(h, ipxeHTTP, s.Appliance.URL)
	return err
}

// Ready says what is missing for an install of a host to be handed out: its image or
// media, or that its answer file can't be rendered.
func (s *Server) Ready(h *inventory.Host) error {
	img, err := s.image(h, ipxeHTTP, s.Appliance.URL)
	if err != nil {
		return err
	}
	return s.renders(s.Appliance, h, h.MACs[0], img)
}

// renders reports whether the answer file of a host can be rendered, secrets included:
// an installer that is started without one comes to nothing, and costs an attempt.
func (s *Server) renders(at templates.Appliance, h *inventory.Host, mac inventory.MAC, img templates.Image) error {
	_, err := s.Templates.Render(h.Kickstart, s.data(at, h, provision.Install{Host: h.Name}, mac, "token", "token", img), templates.Funcs(h, s.Secret, templates.Salt(s.Random)))
	if err != nil {
		return fmt.Errorf("the answer file of %s does not render: %w", h.Name, err)
	}
	return nil
}

// image finds the root image (or the media) of a host's system, and its kernel as a loader names it
// that reaches us at the URL at.
func (s *Server) image(h *inventory.Host, l loader, at string) (templates.Image, error) {
	if h.System != nil && h.System.Installer == inventory.InstallerAnaconda && s.Media != nil {
		return s.mediaOf(h, l, at)
	}
	if h.System == nil || h.System.Installer != inventory.InstallerImage {
		return templates.Image{}, fmt.Errorf("%s has no system that is an image", h.Name)
	}
	m, err := image.Open(s.Images, h.System.Image)
	if err != nil {
		return templates.Image{}, fmt.Errorf("the image of %s is not at hand: %w", h.Name, err)
	}
	if m.Arch != h.System.Processor() {
		return templates.Image{}, fmt.Errorf("the image %s is for %s, and the system %s of %s for %s: name another image, or set `arch:` of the system",
			m.Name, m.Arch, h.System.Name, h.Name, h.System.Processor())
	}
	folder := "/image/" + m.Name + "/"
	base, err := l.base(at)
	if err != nil {
		return templates.Image{}, err
	}
	root := m.Root()
	return templates.Image{
		URL: at + folder + root.Name, SHA256: root.SHA256,
		Kernel: base + folder + image.KernelFile, Initrd: base + folder + image.InitrdFile,
	}, nil
}

// base is how a loader names this appliance before a path: GRUB has devices
// instead of URLs, (tftp,10.77.0.1).
func (l loader) base(appliance string) (string, error) {
	u, err := url.Parse(appliance)
	if err != nil {
		return "", fmt.Errorf("the appliance's own URL: %w", err)
	}
	switch {
	case l.client == boot.GRUB && l.tftp:
		return "(tftp," + u.Hostname() + ")", nil
	case l.client == boot.GRUB:
		return "(http," + u.Host + ")", nil
	case l.tftp:
		return "tftp://" + u.Hostname(), nil
	default:
		return appliance, nil
	}
}

// hostAt names the host at an address while an install or job of it is under way.
func (s *Server) hostAt(ctx context.Context, addr netip.Addr) string {
	h := s.hostOf(ctx, addr)
	if h == nil {
		return ""
	}
	if in, ok := s.Journal.Current(h.Name); !ok || in.Stage.Ended() {
		return ""
	}
	return h.Name
}

// HostOf names the host at an address, "" when there is none: see hostOf.
func (s *Server) HostOf(ctx context.Context, addr netip.Addr) string {
	if h := s.hostOf(ctx, addr); h != nil {
		return h.Name
	}
	return ""
}

// hostOf finds the host at an address. Its own one is given to nobody else by us.
// Another server may give it to another box; there, and for other addresses, it is who
// has the lease.
func (s *Server) hostOf(ctx context.Context, addr netip.Addr) *inventory.Host {
	snap := s.Snapshot()
	if snap == nil {
		return nil
	}
	h, n := snap.HostByAddress(addr), snap.NetworkOf(addr)
	if h != nil && (n == nil || n.Mode() != inventory.DHCPProxy) {
		return h
	}
	if mac, ok := s.leaseholder(ctx, addr); ok {
		return snap.HostByMAC(mac)
	}
	return h
}

func (s *Server) leaseholder(ctx context.Context, addr netip.Addr) (inventory.MAC, bool) {
	if s.Leaseholder == nil {
		return inventory.MAC{}, false
	}
	return s.Leaseholder(ctx, addr)
}
