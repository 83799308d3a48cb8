package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
	"rackhand/config"
)

type imageCmd struct {
	Build  imageBuild  `cmd:"" help:"Build a root image of a distribution's packages, with its installer."`
	Import imageImport `cmd:"" help:"Make an image from the tar of a root file system."`
	List   imageList   `cmd:"" help:"List the images, and mark those that a build would change."`
	Verify imageVerify `cmd:"" help:"Check an image's files against its manifest; without a name, every image's."`
	Remove imageRemove `cmd:"" help:"Remove an image that no system names."`

	settingsFlags
}

func (c *imageCmd) dir() string { return c.folder("images") }

type imageBuild struct {
	Name string `arg:"" complete:"image" help:"The image. Names such as debian12, debian12-web, ubuntu24.04 or rocky9 imply distribution and release."`

	Recipe       string   `help:"A recipe: a YAML file with the image's contents. The flags below add to it." type:"path" placeholder:"FILE"`
	Distribution string   `help:"debian, ubuntu, rhel, rocky, alma, centos or fedora."`
	Release      string   `help:"The distribution's release: bookworm, noble, 9."`
	Package      []string `help:"A package to add; repeatable." sep:"," short:"p"`
	Mirror       string   `help:"The URL of Debian's or Ubuntu's usual suites (default for Debian: the archives of this machine's apt)." placeholder:"URL"`
	Source       []string `help:"An archive: \"URL SUITE COMPONENT...\" for apt, a repository's URL for dnf; may be given several times." sep:"none" placeholder:"SOURCE"`
	Key          string   `help:"The file of the keys that sign the archives (default: the distribution's keyring)." type:"path" placeholder:"FILE"`
	Unsigned     bool     `help:"Accept unsigned archives."`
	IfMissing    bool     `help:"Build only if the image is missing or has another recipe. Its installer is always rebuilt."`
	Keep         bool     `help:"Keep the working folder of a build that fails."`
	imageSystem
}

func (c *imageBuild) Run(ctx context.Context, p *imageCmd, out io.Writer) error {
	old, _ := image.Open(p.dir(), c.Name) // an unreadable one is rebuilt
	recipe, file, err := c.recipe(old)
	if err != nil {
		return err
	}
	installer, err := bootfiles.Payload(bootfiles.PayloadInstaller, image.Processor)
	if err != nil {
		return err
	}
	if c.IfMissing && old != nil {
		why, err := differs(old, recipe)
		if err != nil {
			return err
		}
		if why == "" {
			if err := image.Refresh(p.dir(), c.Name, installer); err != nil {
				return err
			}
			fmt.Fprintf(out, "image %s exists (made %s); its installer is this program's\n", old.Name, old.Created.Local().Format("2006-01-02 15:04"))
			return c.declare(ctx, p.cfg, old, out)
		}
		fmt.Fprintf(out, "image %s is rebuilt: %s\n", old.Name, why)
	}
	m, err := image.Build(ctx, image.Options{
		Name: c.Name, Dir: p.dir(), Recipe: &recipe, RecipeFile: file, Installer: installer, Log: logTo(os.Stderr), Keep: c.Keep,
	})
	if err != nil {
		return err
	}
	ready(out, m)
	return c.declare(ctx, p.cfg, m, out)
}

// recipe returns the recipe to build: the file's recipe, or the one that the name stands
// for, with the flags. Without any of these it is the recipe of the existing image.
func (c *imageBuild) recipe(old *image.Manifest) (r image.Recipe, file string, err error) {
	byName, known := image.RecipeFor(c.Name)
	switch {
	case c.Recipe != "":
		file = c.Recipe
	case c.Distribution != "" || c.flags():
		r = byName
	case old != nil && old.Recipe != nil:
		r, file = *old.Recipe, old.RecipeFile
	case known:
		r = byName
	default:
		return r, "", exitError{exitUsage, fmt.Errorf("image %s has no recipe: give --distribution and --release, or --recipe, or choose a name such as debian12 or debian12-%[1]s", c.Name)}
	}
	if file != "" {
		read, problems := image.ReadRecipe(file)
		if err := problems.Err(); err != nil {
			return r, "", err
		}
		r = read
	}
	if c.Distribution != "" {
		r.Distribution = c.Distribution
	}
	if c.Release != "" {
		r.Release = c.Release
	}
	if c.Mirror != "" {
		r.Mirror = c.Mirror
	}
	if c.Key != "" {
		r.Key = c.Key
	}
	r.Packages = append(r.Packages, c.Package...)
	r.Sources = append(r.Sources, c.Source...)
	r.Unsigned = r.Unsigned || c.Unsigned
	if c.flags() && file != "" {
		// The file alone no longer says what the image is.
		file = ""
	}
	return r, file, r.Check()
}

// flags says whether flags say something of the recipe.
func (c *imageBuild) flags() bool {
	return c.Distribution != "" || c.Release != "" || c.Mirror != "" || c.Key != "" || c.Unsigned || len(c.Package)+len(c.Source) > 0
}

// differs says why an image isn't what a recipe makes, "" when it is.
func differs(m *image.Manifest, r image.Recipe) (string, error) {
	if m.Import != nil {
		return "", fmt.Errorf("image %s was imported from %s: give the build another name, or leave out --if-missing to replace it", m.Name, m.Import.File)
	}
	sum, err := r.Sum()
	if err != nil || sum == m.RecipeSum {
		return "", err
	}
	if why := m.Stale(); why != "" {
		return why, nil
	}
	return "it was made by another recipe", nil
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func ready(out io.Writer, m *image.Manifest) {
	for _, name := range m.FileNames() {
		fmt.Fprintf(out, "%12d  %s\n", m.Files[name].Size, name)
	}
	fmt.Fprintf(out, "image %s is ready: %s, SHA-256 of its root %s\n", m.Name, count(m.Packages, "package"), m.Root().SHA256)
}

type imageImport struct {
	Name string `arg:"" help:"The image's name."`
	File string `arg:"" type:"existingfile" help:"The tar of a root file system: plain, or packed with gzip, xz, zstd or lz4."`

	Kernel   string `help:"The version of the root's kernel that starts the installer, if it has several." placeholder:"VERSION"`
	BootFrom string `complete:"image" help:"Start the installer with this image's kernel instead of the root's own." placeholder:"IMAGE"`
	Complete bool   `help:"Accept a root without kernel, initrd or GRUB: the Kickstart adds them."`
	MaxSize  size   `help:"The largest size of the unpacked root. Free disk space limits it too: the root is written twice, and 1 GiB stays free." default:"64GiB" placeholder:"SIZE"`
	imageSystem
}

// A size is a flag such as 64GiB, in bytes.
type size int64

func (s *size) UnmarshalText(text []byte) error {
	n, ok := config.ParseSize(string(text))
	if !ok {
		return fmt.Errorf("%.20q is not a size: write a whole number with its unit, 64GiB or 1TiB", text)
	}
	*s = size(n)
	return nil
}

func (c *imageImport) Run(ctx context.Context, p *imageCmd, out io.Writer) error {
	installer, err := bootfiles.Payload(bootfiles.PayloadInstaller, image.Processor)
	if err != nil {
		return err
	}
	m, err := image.Import(ctx, image.Options{Name: c.Name, Dir: p.dir(), Installer: installer, Log: logTo(os.Stderr)},
		image.ImportOptions{File: c.File, Kernel: c.Kernel, BootFrom: c.BootFrom, Complete: c.Complete, MaxSize: int64(c.MaxSize)})
	if err != nil {
		return err
	}
	ready(out, m)
	return c.declare(ctx, p.cfg, m, out)
}

type imageVerify struct {
	Names []string `arg:"" optional:"" name:"name" complete:"image" help:"The images."`
}

func (c *imageVerify) Run(ctx context.Context, p *imageCmd, out io.Writer) error {
	names := c.Names
	if len(names) == 0 {
		all, err := image.List(p.dir())
		if err != nil {
			return err
		}
		for _, m := range all {
			names = append(names, m.Name)
		}
	}
	return eachOf(names, func(name string) error {
		if err := image.Verify(ctx, p.dir(), name); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "image %s: every file matches its manifest\n", name)
		return err
	})
}

// eachOf calls a function for each of the names, even if it fails for others.
func eachOf(names []string, do func(name string) error) error {
	var errs []error
	for _, name := range names {
		errs = append(errs, do(name))
	}
	return errors.Join(errs...)
}

// megabytes is a size in MB.
func megabytes(n int64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(n)/1e6), ".0") }
