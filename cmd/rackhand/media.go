package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"rackhand/bootfiles/media"
	"rackhand/config"
)

type mediaCmd struct {
	Add    mediaAdd    `cmd:"" help:"Add an ISO, or a tree on an upstream of the mirror cache."`
	List   mediaList   `cmd:"" help:"List the media."`
	Verify mediaVerify `cmd:"" help:"Compare a media's files with what they were when it was added."`
	Remove mediaRemove `cmd:"" help:"Remove a media; an ISO that was added --in-place stays where it is."`

	State string `help:"The appliance's state folder." default:"/var/lib/rackhand" type:"path"`
}

func (c *mediaCmd) dir() string { return filepath.Join(c.State, "media") }

type mediaAdd struct {
	Name    string `arg:"" help:"What systems of the inventory call it: rocky9."`
	From    string `arg:"" help:"FILE.iso, or MIRROR:PATH or a URL for a tree below an upstream of the configuration."`
	InPlace bool   `help:"Leave the ISO where it is instead of copying it into the state folder."`
	SHA256  string `name:"sha256" help:"What the ISO's SHA-256 has to be, as its distributor says."`
	Replace bool   `help:"Put it into the place of the one of that name."`
	Config  string `help:"The appliance's configuration, for its upstreams." default:"${config}" type:"path"`
}

func (c *mediaAdd) Run(ctx context.Context, p *mediaCmd, out io.Writer) error {
	o := media.AddOptions{Dir: p.dir(), Name: c.Name, InPlace: c.InPlace, SHA256: strings.ToLower(c.SHA256), Replace: c.Replace, Now: time.Now()}
	var m *media.Manifest
	var notes []string
	var err error
	if strings.HasSuffix(strings.ToLower(c.From), ".iso") && !strings.Contains(c.From, "://") {
		m, notes, err = media.Add(ctx, c.From, o)
	} else {
		m, notes, err = c.tree(ctx, o)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, describe(m))
	for _, n := range notes {
		fmt.Fprintln(out, "note:", n)
	}
	fmt.Fprintf(out, "a system of the inventory names it: {installer: anaconda, release: %s, media: %s}\n", m.Tree.Release(), m.Name)
	return nil
}

func (c *mediaAdd) tree(ctx context.Context, o media.AddOptions) (*media.Manifest, []string, error) {
	if c.InPlace || c.SHA256 != "" {
		return nil, nil, errors.New("--in-place and --sha256 are for an ISO")
	}
	cfg, problems := config.Load(c.Config)
	if len(problems) > 0 {
		return nil, nil, problems
	}
	mirror, path, err := upstreamOf(c.From, cfg.Mirror.Upstreams)
	if err != nil {
		return nil, nil, err
	}
	return media.AddTree(ctx, mirror, path, fetchFrom(cfg.Mirror.Upstreams[mirror], cfg.Mirror.Via), o)
}

type mediaList struct{}

func (c *mediaList) Run(p *mediaCmd, out io.Writer) error {
	all, err := media.List(p.dir())
	for _, m := range all {
		fmt.Fprintln(out, describe(m))
	}
	return err
}

// describe is a media in one line.
func describe(m *media.Manifest) string {
	where := fmt.Sprintf("/mirror/%s/%s", m.Mirror, m.Path)
	if m.ISO != nil {
		where = fmt.Sprintf("ISO, %d MiB", m.ISO.Size>>20)
		if m.ISO.Path != "" {
			where += " at " + m.ISO.Path
		}
	}
	packages := m.Tree.Names()
	if !m.Packages {
		packages = "no packages"
	}
	return fmt.Sprintf("%-16s %-7s %s: %s %s, %s; %s", m.Name, m.Tree.Release(), m.Tree.Processor(), m.Tree.Family, m.Tree.Version, packages, where)
}

type mediaVerify struct {
	Name string `arg:"" help:"The media."`
}

func (c *mediaVerify) Run(ctx context.Context, p *mediaCmd, out io.Writer) error {
	if err := media.Verify(ctx, p.dir(), c.Name); err != nil {
		return err
	}
	fmt.Fprintf(out, "media %s: every file is as it was when it was added\n", c.Name)
	return nil
}

type mediaRemove struct {
	Name string `arg:"" help:"The media."`
}

func (c *mediaRemove) Run(p *mediaCmd) error { return media.Remove(p.dir(), c.Name) }
