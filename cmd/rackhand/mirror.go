package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/terminal"
	"rackhand/provision/web/client"
)

type mirrorCmd struct {
	Prefetch mirrorPrefetch `cmd:"" help:"Fetch the packages that the hosts of a system will ask for into the mirror cache."`
	List     mirrorList     `cmd:"" help:"List the files in the mirror cache."`
	Forget   mirrorForget   `cmd:"" help:"Remove files from the mirror cache, so the next host gets them from the upstream."`
}

type mirrorPrefetch struct {
	socketFlag
	jsonFlag
	System string `arg:"" complete:"system" help:"The system, by its name in the inventory."`
}

func (c *mirrorPrefetch) Run(ctx context.Context, out io.Writer) error {
	got, err := client.New(c.Socket).Prefetch(ctx, c.System)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, got)
	}
	fmt.Fprintf(out, "%d hosts of %s name: %s\n", got.Hosts, c.System, strings.Join(got.Named, " "))
	fmt.Fprintf(out, "with their dependencies: %d packages that the image lacks, all in the mirror cache; %d files (%.1f MB) were fetched now\n",
		got.Packages, got.Fetched, float64(got.Bytes)/1e6)
	if len(got.Missing) > 0 {
		fmt.Fprintf(out, "no archive has these: %s\n", strings.Join(got.Missing, " "))
	}
	return nil
}

type mirrorList struct {
	socketFlag
	Path string `arg:"" optional:"" help:"NAME/PATH below /mirror/; NAME/ and NAME/FOLDER/ list everything in them."`
	JSON bool   `name:"json" help:"As JSON, with times and SHA-256 sums."`
}

func (c *mirrorList) Run(ctx context.Context, out io.Writer) error {
	files, err := client.New(c.Socket).MirrorList(ctx, c.Path)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, append([]provision.MirrorFile{}, files...)) // [] without files
	}
	if len(files) == 0 {
		_, err := fmt.Fprintln(out, "the mirror cache has no such file (the name of a folder ends with /)")
		return err
	}
	table := &terminal.Table{Head: []string{"SIZE", "AGE", "USED", "PATH"}}
	var total int64
	for _, f := range files {
		note := ""
		if f.Outdated {
			note = " (the archive's index names another file by this name)"
		}
		total += f.Size
		table.Add(fmt.Sprint(f.Size), provision.Roughly(time.Since(f.Stored)), provision.Roughly(time.Since(f.Used)), f.Path+note)
	}
	table.Add(fmt.Sprint(total), "", "", "in "+count(len(files), "file"))
	return table.Write(out)
}

type mirrorForget struct {
	socketFlag
	jsonFlag
	Path string `arg:"" help:"NAME/PATH below /mirror/, or its URL as apt or dnf shows it; NAME/ and NAME/FOLDER/ mean everything in them."`
}

func (c *mirrorForget) Run(ctx context.Context, out io.Writer) error {
	got, err := client.New(c.Socket).MirrorForget(ctx, c.Path)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, got)
	}
	_, err = fmt.Fprintf(out, "removed from the mirror cache: %s, %d bytes\n", count(got.Files, "file"), got.Bytes)
	if got.UnderWay > 0 && err == nil {
		_, err = fmt.Fprintf(out, "%s under way: the hosts that asked get it, but it isn't kept\n", count(got.UnderWay, "download"))
	}
	return err
}
