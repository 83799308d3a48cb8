package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"

	"rackhand/inventory"
	"rackhand/provision/handout"
	"rackhand/templates"
)

// TFTP serves boot loaders and firmware by TFTP. The context of a request holds, by
// [WithLocal], the address of ours that it was sent to.
func (s *Server) TFTP() *handout.TFTP {
	return &handout.TFTP{
		Programs: s.Files, Images: s.Handout.Images, Media: s.Handout.Media, Menu: s.menu, Script: s.scriptByTFTP,
		Installing: func(ctx context.Context, peer netip.Addr) bool { return s.hostAt(ctx, peer) != "" },
	}
}

// menu returns GRUB's menu for the box at an address. GRUB doesn't send its MAC, so the lease
// shows which box has the address. A box without a lease gets the menu that boots its disk:
// without a menu, GRUB waits at its prompt for a person.
func (s *Server) menu(ctx context.Context, peer netip.Addr, said *inventory.MAC, l handout.Loader) (string, error) {
	mac, ok := s.leaseholder(ctx, peer)
	if said != nil && (!ok || *said != mac) {
		s.refuseAbout(peer, s.nameOf(*said), "script-refused", fmt.Sprintf("%s asked for the boot menu of %s, which does not hold that address", peer, *said))
		return "", fmt.Errorf("the menu of %s: %w", said, fs.ErrNotExist)
	}
	// An address alone proves little: another server may have given it to another box, by a
	// REQUEST that we missed. So the box must have been heard a moment ago.
	disk := func() (string, error) { return s.render(l.Disk(), templates.Data{Host: &inventory.Host{}}) }
	if !ok || s.misplaced(mac, peer) {
		return disk()
	}
	text, err := s.scriptAgain(ctx, mac, peer, l)
	if errors.Is(err, errStranger) || errors.As(err, new(unheard)) {
		return disk()
	}
	if wait := (notReady{}); errors.As(err, &wait) {
		s.Log.Info("GRUB has to ask again", "mac", mac.String(), "why", wait.Error())
		return s.render(l.Wait(), templates.Data{Host: &inventory.Host{}})
	}
	return text, err
}

// scriptByTFTP returns the script for an iPXE without HTTP, if the box holds the lease of
// that MAC.
func (s *Server) scriptByTFTP(ctx context.Context, peer netip.Addr, mac inventory.MAC, l handout.Loader) (string, error) {
	if addr, ok := s.Leased(ctx, mac); !ok || addr != peer {
		s.refuseAbout(peer, s.nameOf(mac), "script-refused", fmt.Sprintf("%s asked for the boot script of %s, which does not hold that address", peer, mac))
		return "", fmt.Errorf("ipxe/%s: %w", mac, fs.ErrNotExist)
	}
	if s.misplaced(mac, peer) {
		return "", fmt.Errorf("ipxe/%s: %w", mac, fs.ErrNotExist)
	}
	text, err := s.scriptAgain(ctx, mac, peer, l)
	if errors.Is(err, errStranger) || errors.As(err, new(unheard)) {
		return "", fmt.Errorf("ipxe/%s: %w: %w", mac, err, fs.ErrNotExist)
	}
	return text, err
}
