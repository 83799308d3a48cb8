package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/templates"
)

// A Staged is a file whose transfer brings an install to a stage. What BootFile
// returns is one; a file that isn't is a boot program (provision.Bootfile).
type Staged interface {
	// Stage is where the install of who has fetched the whole file is; "" for a file
	// that moves nothing.
	Stage() provision.Stage
}

// BootFile opens what the client at peer asks for by TFTP, and tells its size in
// bytes: GRUB's menu, iPXE's script, a kernel and its initrd, or a boot program. The
// name is clean (see tftp.Options.Open). An error is fs.ErrNotExist or
// bootfiles.ErrName when there is nothing of that name for this client.
func (s *Server) BootFile(ctx context.Context, peer netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
	folder, rest, deep := strings.Cut(name, "/")
	switch {
	case deep && folder == "grub":
		return s.grubFile(ctx, peer, rest)
	case deep && folder == "ipxe":
		return s.ipxeFile(ctx, peer, rest)
	case deep && folder == "image":
		return s.kernelFile(ctx, peer, rest)
	case deep && folder == "media" && s.Media != nil:
		return s.mediaBootFile(ctx, peer, rest)
	}
	f, size, err := s.Files.Open(name)
	if err != nil {
		return nil, 0, err // not a typed nil in the interface
	}
	return staged{f, provision.Bootfile}, size, nil
}

// grubFile is what GRUB finds below its prefix /grub: its menu, and nothing else of
// what it looks for there.
func (s *Server) grubFile(ctx context.Context, peer netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
	said, ok := grubMenu(name)
	if !ok {
		return nil, 0, fmt.Errorf("grub/%s: %w", name, fs.ErrNotExist)
	}
	text, err := s.menu(ctx, peer, said, grubTFTP)
	if err != nil {
		return nil, 0, err
	}
	return textFile(text)
}

// grubMenu reads the name of a menu. Debian's signed GRUB asks for grub.cfg, or for
// x86_64-efi/grub.cfg first; others look for grub.cfg-01-aa-bb-cc-dd-ee-ff before. said is
// the MAC in the name, nil when there is none.
func grubMenu(name string) (said *inventory.MAC, ok bool) {
	for _, platform := range []string{"x86_64-efi/", "arm64-efi/"} {
		name = strings.TrimPrefix(name, platform)
	}
	rest, ok := strings.CutPrefix(name, "grub.cfg")
	if !ok || rest == "" {
		return nil, ok
	}
	text, ok := strings.CutPrefix(rest, "-01-")
	mac, err := inventory.ParseMAC(text)
	if !ok || err != nil {
		return nil, false
	}
	return &mac, true
}

// menu is GRUB's menu for the box at an address. GRUB names no MAC of its own: the
// lease says whose the address is. Who has none gets the menu that goes on to the
// disk, since a GRUB without a menu waits at its prompt for a person.
func (s *Server) menu(ctx context.Context, peer netip.Addr, said *inventory.MAC, l loader) (string, error) {
	mac, ok := s.leaseholder(ctx, peer)
	if said != nil && (!ok || *said != mac) {
		s.refuse(peer, "", "script-refused", fmt.Sprintf("%s asked for the boot menu of %s, which does not hold that address", peer, *said))
		return "", fmt.Errorf("the menu of %s: %w", said, fs.ErrNotExist)
	}
	// An address alone is weak: beside another server one REQUEST that we miss, and
	// it is another box that has it now. So it must have been heard of just now.
	disk := func() (string, error) { return s.render("disk."+l.name, templates.Data{Host: &inventory.Host{}}) }
	if !ok || s.misplaced(mac, peer) {
		return disk()
	}
	text, err := s.scriptAgain(ctx, mac, peer, l)
	if errors.Is(err, errStranger) || errors.As(err, new(unheard)) {
		return disk()
	}
	if wait := (notReady{}); errors.As(err, &wait) {
		s.Log.Info("GRUB is told to ask again", "mac", mac.String(), "why", wait.Error())
		return s.render("wait."+l.name, templates.Data{Host: &inventory.Host{}})
	}
	return text, err
}

// ipxeFile is the script of an iPXE that has no HTTP: kernel and initrd come by TFTP
// as well.
func (s *Server) ipxeFile(ctx context.Context, peer netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
	mac, err := inventory.ParseMAC(name)
	if err != nil {
		return nil, 0, fmt.Errorf("ipxe/%.40s: %w", name, fs.ErrNotExist)
	}
	if addr, ok := s.Leased(ctx, mac); !ok || addr != peer {
		s.refuse(peer, "", "script-refused", fmt.Sprintf("%s asked for the boot script of %s, which does not hold that address", peer, mac))
		return nil, 0, fmt.Errorf("ipxe/%s: %w", mac, fs.ErrNotExist)
	}
	if s.misplaced(mac, peer) {
		return nil, 0, fmt.Errorf("ipxe/%s: %w", mac, fs.ErrNotExist)
	}
	text, err := s.scriptAgain(ctx, mac, peer, ipxeTFTP)
	if errors.Is(err, errStranger) || errors.As(err, new(unheard)) {
		return nil, 0, fmt.Errorf("ipxe/%s: %w: %w", mac, err, fs.ErrNotExist)
	}
	if err != nil {
		return nil, 0, err
	}
	return textFile(text)
}

// kernelFile is the kernel or the initrd of an image, for hosts that are being
// installed: by TFTP they cost more than by HTTP, and nobody else needs them so.
func (s *Server) kernelFile(ctx context.Context, peer netip.Addr, path string) (io.ReadSeekCloser, int64, error) {
	name, file, _ := strings.Cut(path, "/")
	if image.CheckName(name) != nil || (file != image.KernelFile && file != image.InitrdFile) {
		return nil, 0, fmt.Errorf("%w: image/%.80q", bootfiles.ErrName, path)
	}
	if s.hostAt(ctx, peer) == "" {
		return nil, 0, fmt.Errorf("image/%s: no install of the box at %s is under way: %w", path, peer, fs.ErrNotExist)
	}
	f, err := os.Open(filepath.Join(s.Images, name, file))
	if err != nil {
		return nil, 0, fmt.Errorf("image %s: %w", name, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("image %s: %w", name, err)
	}
	return staged{f, stageOf(file)}, st.Size(), nil
}

// stageOf is the stage that the transfer of an image's file brings an install to:
// the initrd is what a boot loader fetches last.
func stageOf(file string) provision.Stage {
	if file == image.InitrdFile {
		return provision.Kernel
	}
	return ""
}

type staged struct {
	io.ReadSeekCloser
	stage provision.Stage
}

func (s staged) Stage() provision.Stage { return s.stage }

func textFile(text string) (io.ReadSeekCloser, int64, error) {
	return staged{noClose{bytes.NewReader([]byte(text))}, ""}, int64(len(text)), nil
}

type noClose struct{ *bytes.Reader }

func (noClose) Close() error { return nil }
