package image

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// Options are the options of a build.
type Options struct {
	Name string // the image's name: debian12
	Dir  string // the folder of all images; made when missing
	// Recipe is the recipe to build; nil means the recipe of the name ([RecipeFor]).
	// RecipeFile is the file that it was read from, "" for none.
	Recipe     *Recipe
	RecipeFile string
	// Installer is the static rackhand-installer, which becomes /init.
	Installer []byte
	// Sources are the archives that packages come from; none means the recipe's.
	Sources []Source
	Log     *slog.Logger
	Clock   func() time.Time
	// Keep leaves the working folder there when the build fails, for a person to
	// look into, and names it in the error. The next build removes it.
	Keep bool
	// level packs the root; the zero one means the best. Tests of large roots take a
	// quick one.
	level zstd.EncoderLevel
}

// buildSpace is how much disk a build takes at most, in bytes.
const (
	buildSpace     = 3 << 30
	buildSpaceText = "about 3 GB"
)

// Build makes the image Options.Name out of packages and puts it into its place,
// where it replaces one of that name. It needs root, mmdebstrap or dnf, and a
// minute or two. A build that fails or is killed leaves the image that was there.
func Build(ctx context.Context, o Options) (*Manifest, error) {
	o = o.withDefaults()
	if err := checkReady(&o); err != nil {
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

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.level == 0 {
		o.level = zstd.SpeedBestCompression
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func withHint(err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("%w: make room where the images lie (about %d MB while building)", err, buildSpace>>20)
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
	r := *o.Recipe
	sum, err := r.Sum()
	if err != nil {
		return nil, err
	}
	o.Log.Info("image: install the packages", "image", o.Name, "distribution", r.Distribution, "release", r.Release)
	if err := makeRoot(ctx, o, work, root); err != nil {
		return nil, err
	}
	m := &Manifest{
		Name: o.Name, Created: start.UTC().Truncate(time.Second), Distribution: r.Distribution, Release: r.Release, Arch: arch,
		Recipe: &r, RecipeFile: o.RecipeFile, RecipeSum: sum,
	}
	k, err := kernelOf(root)
	if err != nil {
		return nil, err
	}
	m.Kernel = k.Version
	o.Log.Info("image: make the initramfs", "image", o.Name, "kernel", m.Kernel)
	if err := copyOut(filepath.Join(root, k.Image), filepath.Join(folder, KernelFile)); err != nil {
		return nil, err
	}
	tools, names, err := toolsFor(ctx, o, root)
	if err != nil {
		return nil, err
	}
	modules, err := plainModules(root, work, m.Kernel)
	if err != nil {
		return nil, err
	}
	if err := o.writeBase(folder, tools, modules, root, m, names); err != nil {
		return nil, err
	}
	if err := writeInitrd(folder, filepath.Join(folder, BaseFile), o.Installer); err != nil {
		return nil, err
	}
	list, err := listPackages(ctx, root, r.distro().format)
	if err != nil {
		return nil, err
	}
	from, err := readOrigins(ctx, root, r.distro().format)
	if err != nil {
		return nil, err
	}
	if err := finish(root, r); err != nil {
		return nil, err
	}
	o.Log.Info("image: pack the root", "image", o.Name, "packages", len(list))
	if m.Unpacked, err = writeRoot(ctx, o.level, folder, root, from); err != nil {
		return nil, err
	}
	return m, o.deliver(ctx, folder, m, r.distro().format, list)
}

// writeBase makes the initramfs, all but /init, and notes which firmware its drivers
// may miss. root is where firmware lies.
func (o Options) writeBase(folder, tools, modules, root string, m *Manifest, names []string) error {
	if err := writeBase(folder, tools, modules, root, m.Kernel, names); err != nil {
		return err
	}
	var err error
	if m.FirmwareMissing, err = missingFirmware(modules, root, m.Kernel); err != nil {
		return err
	}
	if len(m.FirmwareMissing) > 0 {
		o.Log.Warn("image: drivers may lack firmware in the installer; the manifest lists it",
			"image", o.Name, "drivers", slices.Sorted(maps.Keys(m.FirmwareMissing)))
	}
	return nil
}

// deliver adds the lists of packages to a folder that has all else, and puts it in
// its place.
func (o Options) deliver(ctx context.Context, folder string, m *Manifest, format string, list []Package) error {
	rootFile, err := sumFile(ctx, folder, RootFile)
	if err != nil {
		return err
	}
	if err := writeLists(folder, m, rootFile, format, list); err != nil {
		return err
	}
	if err := measureFiles(ctx, folder, m); err != nil {
		return err
	}
	if err := place(folder, o.Dir, o.Name); err != nil {
		return err
	}
	o.Log.Info("image: ready", "image", o.Name, "bytes", m.Root().Size, "took", o.Clock().Sub(m.Created).Round(time.Second))
	return nil
}

// makeRoot has the distribution's package manager make a root.
func makeRoot(ctx context.Context, o Options, work, root string) error {
	if o.Recipe.distro().format == rpm {
		return dnf(ctx, o, work, root)
	}
	return debootstrap(ctx, o, work, root)
}

// toolsFor says where the programs of the initramfs come from, and which applets
// busybox has there: from the root itself where its packages are Debian's by name.
func toolsFor(ctx context.Context, o Options, root string) (tools string, names []string, err error) {
	if o.Recipe.distro().format != deb {
		return toolsRoot(ctx, o)
	}
	names, err = applets(ctx, root)
	return root, names, err
}

// measureFiles measures the folder's files, notes them in the manifest and writes it.
func measureFiles(ctx context.Context, folder string, m *Manifest) error {
	m.Files = map[string]File{}
	for _, name := range []string{KernelFile, InitrdFile, BaseFile, PackagesFile, SBOMFile, RootFile} {
		f, err := sumFile(ctx, folder, name)
		if err != nil {
			return err
		}
		m.Files[name] = f
	}
	return writeManifest(folder, m)
}

// listPackages reads the database of the root's package manager.
func listPackages(ctx context.Context, root, format string) ([]Package, error) {
	if format == rpm {
		folder := rpmFolder(root)
		if folder == "" {
			return nil, errors.New("the root has no database of rpm")
		}
		return readRPM(ctx, folder)
	}
	status, err := os.Open(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		return nil, err
	}
	defer status.Close()
	return parseStatus(status)
}
