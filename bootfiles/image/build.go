package image

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Options are what a build needs to know.
type Options struct {
	Name string // the image's name: debian12
	Dir  string // the folder of all images; made when missing
	// Installer is the static rackhand-installer, which becomes /init.
	Installer []byte
	// Sources are the archives that packages come from; none means [HostSources].
	Sources []Source
	Log     *slog.Logger
	Clock   func() time.Time
	// Keep leaves the working folder there when the build fails, for a person to
	// look into, and names it in the error. The next build removes it.
	Keep bool
}

// room is how much disk a build takes at most, in bytes.
const room = 2 << 30

// Build makes the image Options.Name out of Debian packages and puts it into its
// place, where it replaces one of that name. It needs root, mmdebstrap and a
// minute or two. A build that fails or is killed leaves the image that was there.
func Build(ctx context.Context, o Options) (*Manifest, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := ready(o); err != nil {
		return nil, fmt.Errorf("build image %s: %w", o.Name, err)
	}
	l, err := lockImage(o.Dir, o.Name)
	if err != nil {
		return nil, fmt.Errorf("build image %s: %w", o.Name, err)
	}
	defer l.release()
	work, err := buildDir(o.Dir, o.Name)
	if err != nil {
		return nil, fmt.Errorf("build image %s: %w", o.Name, err)
	}
	m, err := build(ctx, o, work)
	if err != nil && o.Keep {
		return nil, fmt.Errorf("build image %s: %w (its working folder is kept: %s)", o.Name, withHint(err), work)
	}
	if err := errors.Join(err, os.RemoveAll(work)); err != nil {
		return nil, fmt.Errorf("build image %s: %w", o.Name, withHint(err))
	}
	return m, nil
}

// ready looks for what would make a build fail later, with less to say.
func ready(o Options) error {
	if err := CheckName(o.Name); err != nil {
		return err
	}
	if runtime.GOARCH != arch {
		return fmt.Errorf("images are built for %s, and this machine is %s", arch, runtime.GOARCH)
	}
	if len(o.Installer) == 0 {
		return errors.New("the installer is empty; build rackhand with its payload")
	}
	if os.Geteuid() != 0 {
		return errors.New("it needs root, since a root image holds files of every owner: run it with sudo")
	}
	if _, err := exec.LookPath("mmdebstrap"); err != nil {
		return errors.New("mmdebstrap isn't installed: apt install mmdebstrap")
	}
	if _, err := os.Stat(keyring); err != nil {
		return errors.New("the keys of Debian aren't installed: apt install debian-archive-keyring")
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(o.Dir, &fs); err != nil {
		return fmt.Errorf("ask for the room in %s: %w", o.Dir, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < room {
		return fmt.Errorf("%s has %d MB free, and a build takes up to %d MB: make room", o.Dir, free>>20, room>>20)
	}
	return nil
}

func withHint(err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("%w: make room where the images lie (about %d MB while building)", err, room>>20)
	}
	return err
}

// build does the work in the folder work, in which the image comes to lie in the
// subfolder "image" until it is whole.
func build(ctx context.Context, o Options, work string) (*Manifest, error) {
	var (
		root   = filepath.Join(work, "root")
		folder = filepath.Join(work, "image")
		start  = o.Clock()
	)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	o.Log.Info("image: install the packages", "image", o.Name, "release", release)
	if err := makeRoot(ctx, o, work, root); err != nil {
		return nil, err
	}
	m := &Manifest{Name: o.Name, Created: start.UTC().Truncate(time.Second), Release: release, Arch: arch}
	var err error
	if m.Kernel, err = kernelOf(root); err != nil {
		return nil, err
	}
	applets, err := exec.CommandContext(ctx, "chroot", root, "busybox", "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("ask the root's busybox for its applets: %w", err)
	}
	if err := finish(root); err != nil {
		return nil, err
	}
	o.Log.Info("image: make the initramfs", "image", o.Name, "kernel", m.Kernel)
	if err := copyOut(filepath.Join(root, "boot/vmlinuz-"+m.Kernel), filepath.Join(folder, KernelFile)); err != nil {
		return nil, err
	}
	if err := writeBase(folder, root, m.Kernel, strings.Fields(string(applets))); err != nil {
		return nil, err
	}
	if m.FirmwareMissing, err = missingFirmware(root, root, m.Kernel); err != nil {
		return nil, err
	}
	if len(m.FirmwareMissing) > 0 {
		o.Log.Warn("image: drivers may lack firmware in the installer; what they ask for is in the manifest",
			"image", o.Name, "drivers", slices.Sorted(maps.Keys(m.FirmwareMissing)))
	}
	if err := writeInitrd(folder, filepath.Join(folder, BaseFile), o.Installer); err != nil {
		return nil, err
	}
	if m.Packages, err = listPackages(root, folder); err != nil {
		return nil, err
	}
	o.Log.Info("image: pack the root", "image", o.Name, "packages", m.Packages)
	if m.Unpacked, err = writeRoot(ctx, folder, root); err != nil {
		return nil, err
	}
	if err := seal(ctx, folder, m); err != nil {
		return nil, err
	}
	if err := place(folder, o.Dir, o.Name); err != nil {
		return nil, err
	}
	o.Log.Info("image: built", "image", o.Name, "bytes", m.Root().Size, "took", o.Clock().Sub(start).Round(time.Second))
	return m, nil
}

// makeRoot runs mmdebstrap on the sources.
func makeRoot(ctx context.Context, o Options, work, root string) error {
	sources := o.Sources
	if len(sources) == 0 {
		var err error
		if sources, err = HostSources(release); err != nil {
			return err
		}
	}
	var lines strings.Builder
	for _, s := range sources {
		lines.WriteString(s.Line() + "\n")
	}
	list, add := filepath.Join(work, "sources.list"), filepath.Join(work, "overlay.tar")
	if err := os.WriteFile(list, []byte(lines.String()), 0o600); err != nil {
		return err
	}
	f, err := os.Create(add)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := writeOverlay(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return debootstrap(ctx, o.Log, debootstrapArgs(root, list, add))
}

// seal measures the folder's files, notes them in the manifest and writes it.
func seal(ctx context.Context, folder string, m *Manifest) error {
	m.Files = map[string]File{}
	for _, name := range []string{KernelFile, InitrdFile, BaseFile, PackagesFile, RootFile} {
		f, err := sumFile(ctx, folder, name)
		if err != nil {
			return err
		}
		m.Files[name] = f
	}
	return writeManifest(folder, m)
}

func listPackages(root, folder string) (int, error) {
	status, err := os.Open(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		return 0, err
	}
	defer status.Close()
	list, err := parseStatus(status)
	if err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(folder, PackagesFile))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := writePackages(f, list); err != nil {
		return 0, err
	}
	return len(list), f.Close()
}
