package handout

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
	"rackhand/bootfiles/media"
	"rackhand/inventory"
	"rackhand/provision"
)

// A TFTP opens the files that boot loaders and firmware ask for by TFTP. Its functions decide
// which client may have a script.
type TFTP struct {
	Programs *bootfiles.Files
	Images   string       // the folder of root images
	Media    *media.Store // nil: none
	// Menu is GRUB's menu for the box at an address. said is the MAC in the menu's name; nil:
	// none.
	Menu func(ctx context.Context, peer netip.Addr, said *inventory.MAC, l Loader) (string, error)
	// Script is iPXE's script for a MAC. Its error is fs.ErrNotExist when the box at the
	// address may not have it.
	Script func(ctx context.Context, peer netip.Addr, mac inventory.MAC, l Loader) (string, error)
	// Installing reports whether an install or job of the host at an address is under way.
	Installing func(ctx context.Context, peer netip.Addr) bool
}

// A Staged is a file whose transfer brings an install to a stage. Open returns such files.
type Staged interface {
	// Stage is the stage of the install whose host has fetched the whole file; "" if the
	// file stands for no stage.
	Stage() provision.Stage
}

// Open opens the file that the client at peer asks for, and returns its size in bytes:
//
//	grub/grub.cfg, and with a MAC     GRUB's menu
//	ipxe/MAC                          iPXE's script
//	image/NAME/FILE                   kernel and initrd of a root image
//	media/NAME/PATH                   boot loaders, GRUB's menu, kernel and initrd of media
//	NAME                              a boot program
//
// The name is clean (see tftp.Options.Open). An error is fs.ErrNotExist or
// bootfiles.ErrName when there is nothing of that name for this client.
func (t *TFTP) Open(ctx context.Context, peer netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
	folder, rest, deep := strings.Cut(name, "/")
	switch {
	case deep && folder == "grub":
		return t.grub(ctx, peer, rest)
	case deep && folder == "ipxe":
		return t.ipxe(ctx, peer, rest)
	case deep && folder == "image":
		return t.image(ctx, peer, rest)
	case deep && folder == "media" && t.Media != nil:
		return t.media(ctx, peer, rest)
	}
	f, size, err := t.Programs.Open(name)
	if err != nil {
		return nil, 0, err // not a typed nil in the interface
	}
	return staged{f, provision.Bootfile}, size, nil
}

// grub opens GRUB's menu below its prefix /grub. GRUB looks for other files there, which don't
// exist.
func (t *TFTP) grub(ctx context.Context, peer netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
	said, ok := GRUBMenu(name)
	if !ok {
		return nil, 0, fmt.Errorf("grub/%s: %w", name, fs.ErrNotExist)
	}
	text, err := t.Menu(ctx, peer, said, GRUBTFTP)
	if err != nil {
		return nil, 0, err
	}
	return textFile(text)
}

// GRUBMenu reads the name of a menu below /grub. Debian's signed GRUB asks for grub.cfg, or
// for x86_64-efi/grub.cfg first; others look for grub.cfg-01-aa-bb-cc-dd-ee-ff before. said
// is the MAC in the name, or nil.
func GRUBMenu(name string) (said *inventory.MAC, ok bool) {
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

// ipxe opens the script of an iPXE that has no HTTP: kernel and initrd come by TFTP as
// well.
func (t *TFTP) ipxe(ctx context.Context, peer netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
	mac, err := inventory.ParseMAC(name)
	if err != nil {
		return nil, 0, fmt.Errorf("ipxe/%.40s: %w", name, fs.ErrNotExist)
	}
	text, err := t.Script(ctx, peer, mac, IPXETFTP)
	if err != nil {
		return nil, 0, err
	}
	return textFile(text)
}

// image opens the kernel or the initrd of an image, for hosts that are being installed: by
// TFTP they cost more than by HTTP, and other boxes don't need them.
func (t *TFTP) image(ctx context.Context, peer netip.Addr, path string) (io.ReadSeekCloser, int64, error) {
	name, file, _ := strings.Cut(path, "/")
	if image.CheckName(name) != nil || (file != image.KernelFile && file != image.InitrdFile) {
		return nil, 0, fmt.Errorf("%w: image/%.80q", bootfiles.ErrName, path)
	}
	if !t.Installing(ctx, peer) {
		return nil, 0, fmt.Errorf("image/%s: no install of the box at %s is under way: %w", path, peer, fs.ErrNotExist)
	}
	f, err := os.Open(filepath.Join(t.Images, name, file))
	if err != nil {
		return nil, 0, fmt.Errorf("image %s: %w", name, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("image %s: %w", name, err)
	}
	return staged{f, StageOfImage(file)}, st.Size(), nil
}

// efiFolder holds the boot loaders of media. GRUB looks for its menu beside itself, where we
// serve ours instead of the DVD's.
const efiFolder = "EFI/BOOT/"

// media opens a boot loader, the kernel or the initrd of media, for hosts that are being
// installed.
func (t *TFTP) media(ctx context.Context, peer netip.Addr, rest string) (io.ReadSeekCloser, int64, error) {
	name, file, _ := strings.Cut(rest, "/")
	if media.CheckName(name) != nil {
		return nil, 0, fmt.Errorf("%w: media/%.80q", bootfiles.ErrName, rest)
	}
	if !t.Installing(ctx, peer) {
		return nil, 0, fmt.Errorf("media/%s: no install of the box at %s is under way: %w", rest, peer, fs.ErrNotExist)
	}
	m, err := t.Media.Media(name)
	if err != nil {
		return nil, 0, errors.Join(err, fs.ErrNotExist)
	}
	loader, inFolder := strings.CutPrefix(file, efiFolder)
	if inFolder {
		if said, ok := GRUBMenu(loader); ok {
			text, err := t.Menu(ctx, peer, said, GRUBTFTP)
			if err != nil {
				return nil, 0, err
			}
			return textFile(text)
		}
	}
	program := inFolder && strings.HasSuffix(strings.ToLower(loader), ".efi") && !strings.Contains(loader, "/")
	if !program && file != m.Tree.Kernel && file != m.Tree.Initrd {
		return nil, 0, fmt.Errorf("media/%s: by TFTP there are boot loaders, kernel and initrd: %w", rest, fs.ErrNotExist)
	}
	f, err := t.Media.Open(name, file)
	if err != nil {
		return nil, 0, err
	}
	stage, _ := StageOfMedia(m, file)
	if program {
		stage = provision.Bootfile
	}
	return staged{f, stage}, f.Size, nil
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
