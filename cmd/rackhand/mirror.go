package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"rackhand/provision/web/client"
)

type mirrorCmd struct {
	Prefetch mirrorPrefetch `cmd:"" help:"Fetch the packages that the hosts of a system will ask for into the mirror cache."`
}

type mirrorPrefetch struct {
	socketFlag
	System string `arg:"" help:"The system, by its name in the inventory."`
}

func (c *mirrorPrefetch) Run(ctx context.Context, out io.Writer) error {
	got, err := client.New(c.Socket).Prefetch(ctx, c.System)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d hosts of %s name: %s\n", got.Hosts, c.System, strings.Join(got.Named, " "))
	fmt.Fprintf(out, "with what these depend on: %d packages that the image does not hold, all in the mirror cache; %d files (%.1f MB) were fetched now\n",
		got.Packages, got.Fetched, float64(got.Bytes)/1e6)
	if len(got.Missing) > 0 {
		fmt.Fprintf(out, "no archive has: %s\n", strings.Join(got.Missing, " "))
	}
	return nil
}
