package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"rackhand/config"
	"rackhand/config/visible"
	"rackhand/provision/preview"
)

type renderCmd struct {
	Host string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	What string `arg:"" optional:"" enum:"kickstart,script,grub,catalog,plan" default:"kickstart" help:"What to show: kickstart (default), script (iPXE's), grub (GRUB's menu) or catalog; or plan, the steps of its install with the layout of its disks (image installer)."`
	inventoryFlag
	Config string `help:"The appliance's settings, for its address, mirrors, images and secrets (default: ${config}, if it exists)." type:"path"`
	Reveal bool   `help:"Read the secrets and show them."`
	Disks  string `help:"For a plan: a file with the box's disks as JSON from lsblk (docs/guide/inventory.md has the command); - for standard input. Default: the disks that the Kickstart names, with 100 GB each." type:"path" placeholder:"FILE"`
	BIOS   bool   `name:"bios" help:"For a plan: the box has BIOS firmware, not UEFI."`
}

func (c *renderCmd) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	cfg, dir, err := c.settings(c.Config)
	if err != nil {
		return err
	}
	o := preview.Options{Config: cfg, Random: rand.Reader}
	if c.Reveal {
		from := cfg
		if from == nil {
			from = config.Default()
		}
		o.Secret = from.SecretSources(os.LookupEnv).Get
	}
	if preview.Answer(c.What) == preview.CatalogJSON {
		o.Facts = storedFacts(ctx, cfg)
	}
	p, problems := preview.Open(dir, o)
	if err := problems.Err(); err != nil {
		return err
	}
	if c.What == "plan" {
		return c.plan(p, in, out)
	}
	if c.Disks != "" || c.BIOS {
		return errors.New("--disks and --bios are for a plan: rackhand render HOST plan")
	}
	text, notes, err := p.Render(c.Host, preview.Answer(c.What))
	if err != nil {
		return err
	}
	if c.Reveal {
		notes = append(notes, "secrets were read and are shown (--reveal)")
	}
	writeNotes(notes)
	_, err = io.WriteString(out, text)
	return err
}

func writeNotes(notes []string) {
	for _, note := range notes {
		fmt.Fprintln(os.Stderr, "rackhand:", visible.Text(note))
	}
}

// settings reads those of an appliance, as configOrNone does, and says which folder is meant:
// the named one, otherwise that of the settings.
func (f inventoryFlag) settings(path string) (cfg *config.Config, dir string, err error) {
	cfg, err = configOrNone(path)
	if cfg != nil && f.Inventory == defaultInventory {
		return cfg, cfg.Inventory, err
	}
	return cfg, f.Inventory, err
}

// configOrNone reads the settings in path. Without a path it reads those of an appliance on
// this machine; nil without such an appliance.
func configOrNone(path string) (*config.Config, error) {
	if path == "" {
		if _, err := os.Stat(usualConfig); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		path = usualConfig
	}
	cfg, problems := config.Load(path)
	return cfg, problems.Err()
}
