package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"rackhand/bootfiles/media"
	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/mirror"
	"rackhand/provision/terminal"
)

type mediaCmd struct {
	Add    mediaAdd    `cmd:"" help:"Add an ISO, or a tree on an upstream of the mirror cache."`
	List   mediaList   `cmd:"" help:"List the media."`
	Verify mediaVerify `cmd:"" help:"Check that the files of media are unchanged since they were added; without a name, of all media."`
	Remove mediaRemove `cmd:"" help:"Remove media; an ISO that was added --in-place stays where it is."`

	settingsFlags
}

func (c *mediaCmd) dir() string { return c.folder("media") }

type mediaAdd struct {
	Name string `arg:"" help:"The media's name in the inventory: rocky9."`
	From string `arg:"" complete:"file" help:"FILE.iso; or a tree below an upstream of the mirror cache, as UPSTREAM:PATH or by its URL."`

	InPlace bool   `help:"Use the ISO where it is, without a copy in the state folder."`
	SHA256  string `name:"sha256" help:"The ISO's SHA-256, as its distributor publishes it."`
	Replace bool   `help:"Replace the media of that name."`
}

func (c *mediaAdd) Run(ctx context.Context, p *mediaCmd, out io.Writer) error {
	o := media.AddOptions{Dir: p.dir(), Name: c.Name, InPlace: c.InPlace, SHA256: strings.ToLower(c.SHA256), Replace: c.Replace, Now: time.Now()}
	var m *media.Manifest
	var notes []string
	var err error
	if strings.HasSuffix(strings.ToLower(c.From), ".iso") && !strings.Contains(c.From, "://") {
		m, notes, err = media.Add(ctx, c.From, o)
	} else {
		m, notes, err = c.tree(ctx, p.cfg.Mirror, o)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, describe(m))
	for _, n := range notes {
		fmt.Fprintln(out, "note:", n)
	}
	fmt.Fprintf(out, "to use it, write in a system of the inventory: {installer: anaconda, release: %s, media: %s}\n", m.Tree.Release(), m.Name)
	return nil
}

func (c *mediaAdd) tree(ctx context.Context, cfg config.Mirror, o media.AddOptions) (*media.Manifest, []string, error) {
	if c.InPlace || c.SHA256 != "" {
		return nil, nil, exitError{exitUsage, errors.New("--in-place and --sha256 are for an ISO")}
	}
	upstream, path, err := upstreamOf(c.From, cfg.Upstreams)
	if err != nil {
		return nil, nil, err
	}
	client, err := mirror.Client(cfg.Via, time.Minute, cfg.Redirects)
	if err != nil {
		return nil, nil, err
	}
	return media.AddTree(ctx, upstream, path, fetchFrom(client, cfg.Upstreams[upstream]), o)
}

type mediaList struct {
	JSON bool `name:"json" help:"As JSON: every manifest, with its files' sums."`
}

func (c *mediaList) Run(p *mediaCmd, out io.Writer) error {
	all, broken := media.List(p.dir())
	if c.JSON {
		return errors.Join(printJSON(out, append([]*media.Manifest{}, all...)), broken) // [] without media
	}
	if len(all) == 0 {
		return broken
	}
	table := &terminal.Table{Head: []string{"NAME", "RELEASE", "ARCH", "SYSTEM", "PACKAGES", "AGE", "FROM"}}
	for _, m := range all {
		table.Add(m.Name, m.Tree.Release(), m.Tree.Processor(),
			m.Tree.Family+" "+m.Tree.Version, packagesIn(m), provision.Roughly(time.Since(m.Added)), origin(m))
	}
	return errors.Join(table.Write(out), broken)
}

// describe puts media into one line.
func describe(m *media.Manifest) string {
	return fmt.Sprintf("%s: %s for %s, %s %s; packages: %s; %s", m.Name, m.Tree.Release(), m.Tree.Processor(), m.Tree.Family, m.Tree.Version, packagesIn(m), origin(m))
}

// origin is where media are served from.
func origin(m *media.Manifest) string {
	if m.ISO == nil {
		return fmt.Sprintf("/mirror/%s/%s", m.Mirror, m.Path)
	}
	where := fmt.Sprintf("ISO, %d MiB", m.ISO.Size>>20)
	if m.ISO.Path != "" {
		where += " at " + m.ISO.Path
	}
	return where
}

// packagesIn names the repositories that media have.
func packagesIn(m *media.Manifest) string {
	if !m.Packages {
		return "none"
	}
	return m.Tree.Names()
}

type mediaVerify struct {
	Names []string `arg:"" optional:"" name:"name" complete:"media" help:"The media."`
}

func (c *mediaVerify) Run(ctx context.Context, p *mediaCmd, out io.Writer) error {
	names := c.Names
	if len(names) == 0 {
		all, err := media.List(p.dir())
		if err != nil {
			return err
		}
		for _, m := range all {
			names = append(names, m.Name)
		}
	}
	return eachOf(names, func(name string) error {
		if err := media.Verify(ctx, p.dir(), name); err != nil {
			return err
		}
		_, err := fmt.Fprintf(out, "media %s: every file is unchanged since it was added\n", name)
		return err
	})
}

type mediaRemove struct {
	Name string `arg:"" complete:"media" help:"The media."`
}

func (c *mediaRemove) Run(p *mediaCmd, out io.Writer) error {
	if err := media.Remove(p.dir(), c.Name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "media %s is removed\n", c.Name)
	return err
}
