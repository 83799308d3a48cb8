package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rackhand/bootfiles/compressed"
	"rackhand/config/file"
)

// ImportOptions are an import's options beside [Options]. An import ignores the recipe and
// sources of those.
type ImportOptions struct {
	File string // the root tar: plain, or packed with gzip, xz, zstd or lz4
	// Kernel is the version (uname -r) of that one of the root's kernels which starts
	// the installer; "" is right when it has one.
	Kernel string
	// BootFrom names the image whose kernel and initramfs start the installer, in
	// place of the root's own.
	BootFrom string
	// Complete says that the installed root boots, even if it seems incomplete.
	Complete bool
	// MaxSize bounds the bytes of the root, unpacked; 0: DefaultMaxSize.
	MaxSize int64
}

// Import makes the image Options.Name of a root tar. The tar is packed again, in
// order and without what no two hosts may share (machine ID, SSH host keys), so that
// equal roots make equal images. It needs no root, unless the tools for the
// initramfs have to be fetched first.
func Import(ctx context.Context, o Options, from ImportOptions) (*Manifest, error) {
	o = o.withDefaults()
	m, err := importImage(ctx, o, from)
	if err != nil {
		return nil, fmt.Errorf("import image %s: %w", o.Name, withHint(err))
	}
	return m, nil
}

func importImage(ctx context.Context, o Options, from ImportOptions) (*Manifest, error) {
	if err := CheckName(o.Name); err != nil {
		return nil, err
	}
	if len(o.Installer) == 0 {
		return nil, errors.New("the installer is empty; build rackhand with its payload")
	}
	if from.BootFrom == o.Name {
		return nil, errors.New("an image can't boot from itself")
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	l, err := lockImage(o.Dir, o.Name)
	if err != nil {
		return nil, err
	}
	defer l.release()
	work, err := buildDir(o.Dir, o.Name)
	if err != nil {
		return nil, err
	}
	m, err := importInto(ctx, o, from, work)
	return m, errors.Join(err, os.RemoveAll(work))
}

func importInto(ctx context.Context, o Options, from ImportOptions, work string) (*Manifest, error) {
	folder, start := filepath.Join(work, "image"), o.Clock()
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	o.Log.Info("image: read the root", "image", o.Name, "file", from.File)
	most, err := importSize(work, from.MaxSize)
	if err != nil {
		return nil, err
	}
	spool, err := os.OpenFile(filepath.Join(work, "spool"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	defer spool.Close()
	t, sum, err := openRootTar(ctx, from.File, spool, most)
	if errors.Is(err, errTooLarge) {
		err = fmt.Errorf("%s: %w", from.File, tooLarge(most, from.MaxSize))
	}
	if err != nil {
		return nil, err
	}
	if err := t.checkRoot(); err != nil {
		return nil, err
	}
	m := &Manifest{
		Name: o.Name, Created: start.UTC().Truncate(time.Second), Arch: arch,
		Import: &Imported{File: filepath.Base(from.File), SHA256: sum, BootFrom: from.BootFrom, Complete: from.Complete},
	}
	m.Distribution, m.Release = t.system()
	if err := t.importBoot(ctx, o, from, work, folder, m); err != nil {
		return nil, err
	}
	list, format, err := t.packages(ctx, work)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		o.Log.Warn("image: the root has neither dpkg's nor rpm's database: its packages aren't known", "image", o.Name)
	}
	gone, err := t.strip()
	if err != nil {
		return nil, err
	}
	if len(gone) > 0 {
		o.Log.Info("image: left out what no two hosts may share", "files", strings.Join(gone, " "))
	}
	o.Log.Info("image: pack the root", "image", o.Name, "packages", len(list))
	m.Unpacked, err = packRoot(o.level, folder, func(w io.Writer) (int64, error) { return t.write(ctx, w) })
	if err != nil {
		return nil, err
	}
	return m, o.deliver(ctx, folder, m, format, list)
}

// openRootTar reads the file into the spool, and answers with the file's SHA-256.
func openRootTar(ctx context.Context, name string, to spool, most int64) (*rootTar, string, error) {
	f, err := file.Open(name)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	h := sha256.New()
	z, err := compressed.NewReader(io.TeeReader(&ctxReader{ctx, f}, h))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	defer z.Close()
	t, err := readRootTar(ctx, z, to, limitsFor(most))
	if err == nil {
		// Bytes behind the packed part belong to the file, too.
		_, err = io.Copy(h, f)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", name, err)
	}
	return t, hex.EncodeToString(h.Sum(nil)), nil
}

// importBoot makes the kernel and the initramfs of an image out of the root's own
// kernel, or takes another image's.
func (t *rootTar) importBoot(ctx context.Context, o Options, from ImportOptions, work, folder string, m *Manifest) error {
	k, missing, err := t.bootable(from.Kernel)
	if err != nil {
		return err
	}
	switch {
	case len(missing) > 0 && !from.Complete:
		return fmt.Errorf("a disk with this root would not boot: %s. Add that to the root; or, when the Kickstart's %%packages or %%post bring it, say --complete", strings.Join(missing, "; "))
	case k.Version == "" && from.BootFrom == "":
		return errors.New("the root has no kernel that could start the installer: name an image that has one, with --boot-from")
	case from.BootFrom != "":
		return bootFrom(o, from.BootFrom, folder, m)
	}
	m.Kernel = k.Version
	o.Log.Info("image: make the initramfs", "image", o.Name, "kernel", k.Version)
	if err := t.copyOut(k.Image, filepath.Join(folder, KernelFile), maxKernel); err != nil {
		return err
	}
	tools, names, err := toolsRoot(ctx, o)
	if err != nil {
		return fmt.Errorf("%w (or take another image's kernel and initramfs, with --boot-from)", err)
	}
	parts := filepath.Join(work, "parts")
	if err := t.copyModules(k.Version, parts); err != nil {
		return err
	}
	modules, err := plainModules(parts, work, k.Version)
	if err != nil {
		return err
	}
	if err := o.writeBase(folder, tools, modules, parts, m, names); err != nil {
		return err
	}
	return writeInitrd(folder, filepath.Join(folder, BaseFile), o.Installer)
}

// bootFrom takes another image's kernel and initramfs.
func bootFrom(o Options, name, folder string, m *Manifest) error {
	other, err := Open(o.Dir, name)
	if err != nil {
		return err
	}
	m.Kernel, m.FirmwareMissing = other.Kernel, other.FirmwareMissing
	for _, n := range []string{KernelFile, BaseFile} {
		if err := linkOrCopy(filepath.Join(o.Dir, name, n), filepath.Join(folder, n)); err != nil {
			return err
		}
	}
	return writeInitrd(folder, filepath.Join(folder, BaseFile), o.Installer)
}
