package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"rackhand/bootfiles"
	"rackhand/bootfiles/image"
)

type imageCmd struct {
	Build  imageBuild  `cmd:"" help:"Build a root image and its installer."`
	List   imageList   `cmd:"" help:"List the images."`
	Verify imageVerify `cmd:"" help:"Check an image's files against its manifest."`
	Remove imageRemove `cmd:"" help:"Remove an image."`

	State string `help:"The appliance's state folder." default:"/var/lib/rackhand" type:"path"`
}

func (c *imageCmd) dir() string { return filepath.Join(c.State, "images") }

type imageBuild struct {
	Name      string `arg:"" help:"The image: debian12."`
	IfMissing bool   `help:"Only when it is not there yet; the installer in it is made anew all the same."`
}

func (c *imageBuild) Run(ctx context.Context, p *imageCmd, out io.Writer) error {
	installer, err := bootfiles.Payload("rackhand-installer")
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if m, err := image.Open(p.dir(), c.Name); err == nil && c.IfMissing {
		if err := image.Refresh(p.dir(), c.Name, installer); err != nil {
			return err
		}
		fmt.Fprintf(out, "image %s is there (made %s); its installer is this program's\n", m.Name, m.Created.Local().Format("2006-01-02 15:04"))
		return nil
	}
	m, err := image.Build(ctx, image.Options{Name: c.Name, Dir: p.dir(), Installer: installer, Log: log})
	if err != nil {
		return err
	}
	for _, name := range m.FileNames() {
		fmt.Fprintf(out, "%12d  %s\n", m.Files[name].Size, name)
	}
	fmt.Fprintf(out, "image %s is ready\n", m.Name)
	return nil
}

type imageList struct{}

func (c *imageList) Run(p *imageCmd, out io.Writer) error {
	all, err := image.List(p.dir())
	if err != nil {
		return err
	}
	for _, m := range all {
		fmt.Fprintf(out, "%-20s kernel %-24s made %s\n", m.Name, m.Kernel, m.Created.Local().Format("2006-01-02 15:04"))
	}
	return nil
}

type imageVerify struct {
	Name string `arg:"" help:"The image."`
}

func (c *imageVerify) Run(ctx context.Context, p *imageCmd, out io.Writer) error {
	if err := image.Verify(ctx, p.dir(), c.Name); err != nil {
		return err
	}
	fmt.Fprintf(out, "image %s: every file is as its manifest says\n", c.Name)
	return nil
}

type imageRemove struct {
	Name string `arg:"" help:"The image."`
}

func (c *imageRemove) Run(p *imageCmd) error { return image.Remove(p.dir(), c.Name) }
