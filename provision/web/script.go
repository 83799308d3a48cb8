package web

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/boot"
	"rackhand/provision/handout"
	"rackhand/templates"
)

// A notReady is the reason why a box can't have its script at this moment. It should ask
// again.
type notReady struct{ error }

// bootScript decides what the box with this MAC boots, and renders the script. Every way to
// an installer goes through it. A script over HTTP begins an attempt, with its own token; a
// script over TFTP offers a token (see Server.token). The install is the one that the script
// is for, its zero value when the box boots its disk. An error is notReady, unheard or
// errStranger.
func (s *Server) bootScript(ctx context.Context, mac inventory.MAC, from netip.Addr, l handout.Loader) (string, provision.Install, error) {
	none := provision.Install{}
	snap := s.Snapshot()
	if snap == nil {
		return "", none, waitFor("the inventory is not loaded yet")
	}
	h := snap.HostByMAC(mac)
	if text, ok, err := s.unclaimedScript(ctx, snap, h, mac, from, l); ok {
		return text, none, err
	}
	disk := func() (string, provision.Install, error) {
		text, err := s.render(l.Disk(), templates.Data{Host: h})
		return text, none, err
	}
	// DHCP arms a first install, and has seen firmware there and its processor. Any program on
	// the box can ask for a script.
	proved, ever := s.Journal.Current(h.Name)
	if !ever || proved.NeverCame() {
		return disk()
	}
	// Before any decision, since that may end an install, or ask the operator.
	if !proved.Stage.Ended() {
		if err := s.ofBox(ctx, h, mac, from, proved); err != nil {
			return "", none, err
		}
	}
	d, err := s.Decide(ctx, scriptRequest(h, mac, l))
	if err != nil {
		s.Log.Error("deciding a boot", "mac", mac.String(), "error", err)
		return "", none, waitFor("not ready")
	}
	if d.Action != boot.InstallIt || !d.Script {
		return disk()
	}
	about, _ := s.Journal.Current(d.Host.Name)
	if about.ID != proved.ID { // armed in between
		return "", none, waitFor("what %s is armed for has just changed", d.Host.Name)
	}
	if err := s.confirmed(ctx, d.Host, mac, about, provision.Held{Attempt: about.Attempts + 1, Address: from.String()}); err != nil {
		return "", none, err
	}
	at := s.appliance(ctx)
	img, err := s.installable(d.Host, mac, about.Job, l, at)
	if err != nil {
		return "", none, err
	}
	in, token, err := s.token(d.Host.Name, l)
	if err != nil {
		s.warn(d.Host.Name, "no-attempt", "the boot script was not sent: "+err.Error())
		return disk()
	}
	s.waits.end(mac)
	if in.ID != about.ID { // another was armed in between, and the decision was not about it
		return "", none, waitFor("what %s is armed for has just changed", d.Host.Name)
	}
	s.warnOfWipe(in, mac)
	text, err := s.render(l.Install(), s.Handout.Data(d.Host, at, img, s.attempt(in, mac, token)))
	return text, in, err
}

func waitFor(format string, args ...any) error { return notReady{fmt.Errorf(format, args...)} }

// scriptRequest describes the box that asks for a script. DHCP has seen its processor
// (option 93) and sent only a box with the processor of the host's system here.
func scriptRequest(h *inventory.Host, mac inventory.MAC, l handout.Loader) boot.Request {
	r := boot.Request{MAC: mac, Arch: boot.ArchX64UEFI, Client: l.Client, Chained: true, Proved: !l.TFTP}
	if h != nil && h.System != nil && h.System.Processor() == inventory.ArchARM64 {
		r.Arch = boot.ArchARM64UEFI
	}
	return r
}

// installable finds a host's image, and renders its script and answer file to see whether
// their templates work: a template that does not render must not cost an attempt.
func (s *Server) installable(h *inventory.Host, mac inventory.MAC, job provision.Job, l handout.Loader, at templates.Appliance) (templates.Image, error) {
	img, err := s.Handout.Image(h, job, l, at.URL)
	if err != nil {
		s.lacks(h.Name, "no-image", err)
		return img, notReady{err}
	}
	if _, err := s.render(l.Install(), s.Handout.Data(h, at, img, handout.Attempt{Job: job, MAC: mac, Token: "token"})); err != nil {
		return img, err
	}
	if job != provision.NoJob {
		return img, nil
	}
	if err := s.Handout.Renders(h, mac, img, at); err != nil {
		s.lacks(h.Name, "template", err)
		return img, notReady{errors.New("the answer file does not render; the status page says why")}
	}
	return img, nil
}

// warnOfWipe reports a --wipe that was given when the host was another box.
func (s *Server) warnOfWipe(in provision.Install, mac inventory.MAC) {
	if in.Wipe && !in.MayWipe(mac.String()) {
		s.warn(in.Host, "no-wipe", fmt.Sprintf("--wipe was given when %s was another box (%s), so it does not apply to %s: to erase this box's disks, run `rackhand cancel %s` and `rackhand install %s --wipe`",
			in.Host, strings.Join(in.MACs, ", "), mac, in.Host, in.Host))
	}
}

// misplaced reports whether a box that asks for its script has another address than in the
// inventory, on a network where another server assigns addresses. Such a box gets no script:
// any machine can forge the REQUEST that we heard, in one datagram from its own address. The
// install could not continue either, since agents and checks use the inventory's address.
func (s *Server) misplaced(mac inventory.MAC, from netip.Addr) bool {
	snap := s.Snapshot()
	if snap == nil {
		return false
	}
	h, n := snap.HostByMAC(mac), snap.NetworkOf(from)
	if h == nil || h.Address == from || n == nil || n.Mode() != inventory.DHCPProxy {
		return false
	}
	s.say(provision.Event{
		Host: h.Name, Source: "http", Kind: "script-refused", Level: provision.LevelWarn,
		Message: fmt.Sprintf("%s asked for the boot script of %s, whose address in the inventory is %s: reserve %s for %s on the DHCP server of network %s, or correct `address` in the inventory",
			from, h.Name, h.Address, h.Address, mac, n.Name),
		Fields: map[string]string{"mac": mac.String(), "address": from.String()},
	}, h.Name)
	return true
}

func (s *Server) render(name string, d templates.Data) (string, error) {
	text, err := s.Handout.Script(name, d)
	if err != nil {
		s.lacks(d.Host.Name, "template", err)
		return "", notReady{errors.New("the template does not render; the status page says why")}
	}
	return text, nil
}

// attempt returns the data of the attempt under way, for a host's script and answer file.
func (s *Server) attempt(in provision.Install, mac inventory.MAC, token string) handout.Attempt {
	return handout.Attempt{
		ID: in.ID, Job: in.Job, MAC: mac, Token: token, Another: in.Attempts < in.Budget.Attempts,
		Wipe: in.MayWipe(mac.String()), Overwritable: in.OverwritableDisks(mac.String(), s.Journal.Counted(), s.Clock()),
	}
}

// hostAt returns the name of the host at an address, if its install or job is under way.
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

// HostOf returns the name of the host at an address, or "": see hostOf.
func (s *Server) HostOf(ctx context.Context, addr netip.Addr) string {
	if h := s.hostOf(ctx, addr); h != nil {
		return h.Name
	}
	return ""
}

// hostOf finds the host at an address. We assign a host's address to no other box, but
// another server may. On its network, and for other addresses, the lease decides.
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
