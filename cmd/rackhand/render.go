package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"rackhand/config"
	"rackhand/config/visible"
	"rackhand/provision/appliance"
)

type renderCmd struct {
	Host string `arg:"" help:"The host, by its name in the inventory."`
	What string `arg:"" optional:"" enum:"kickstart,script,grub,catalog" default:"kickstart" help:"What it is handed: kickstart (default), script (iPXE's), grub (GRUB's menu) or catalog."`
	inventoryFlag
	Config string `help:"The appliance's settings: its address, mirrors, images and secrets (default ${config}, if it is there)." type:"path"`
	Reveal bool   `help:"Read the secrets and show them."`
}

func (c *renderCmd) Run(out io.Writer) error {
	cfg, err := configOrNone(c.Config)
	if err != nil {
		return err
	}
	dir := c.Inventory
	if cfg != nil && dir == defaultInventory {
		dir = cfg.Inventory
	}
	o := appliance.PreviewOptions{Config: cfg, Random: rand.Reader}
	if c.Reveal {
		from := cfg
		if from == nil {
			from = config.Default()
		}
		o.Secret = from.SecretSources(os.LookupEnv).Get
	}
	p, problems := appliance.Open(dir, o)
	if err := problems.Err(); err != nil {
		return err
	}
	text, notes, err := p.Render(c.Host, appliance.Answer(c.What))
	if err != nil {
		return err
	}
	if c.Reveal {
		notes = append(notes, "secrets were read and are shown (--reveal)")
	}
	for _, note := range notes {
		fmt.Fprintln(os.Stderr, "rackhand:", visible.Text(note))
	}
	_, err = io.WriteString(out, text)
	return err
}

// configOrNone reads the settings in path; without one those of an appliance on
// this machine, nil when there are none.
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
