package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rackhand/bootfiles"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/doctor"
	"rackhand/provision/links"
	"rackhand/provision/preview"
)

// usualConfig is where the appliance's settings lie when nothing is said.
const usualConfig = "/etc/rackhand/rackhand.yaml"

type doctorCmd struct {
	Config string   `help:"The appliance's settings (default: /etc/rackhand/rackhand.yaml, if it exists)." type:"path" placeholder:"FILE"`
	JSON   bool     `help:"As JSON."`
	Links  []string `arg:"" optional:"" name:"link" help:"The links to check (default: those of the settings, otherwise every Ethernet link that is up)."`
}

// A diagnosis is the output of `rackhand doctor --json`.
type diagnosis struct {
	Links []doctor.Report `json:"links"`
	// Machine holds the findings that belong to no link.
	Machine []doctor.Finding `json:"machine"`
}

// Run prints what was found. Exit status: 0 nothing is wrong, 1 there are problems,
// 2 something could not be looked at.
func (c *doctorCmd) Run(ctx context.Context, out io.Writer) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	var d diagnosis
	var snap *inventory.Snapshot
	known := cfg
	if known == nil {
		known = config.Default()
	}
	if cfg == nil {
		d.Machine = append(d.Machine, doctor.Finding{Level: doctor.Note, Text: "there is no " + usualConfig + ": networks and modes are not known"})
	} else {
		var problems inventory.Problems
		if snap, problems = preview.Load(cfg.Inventory); len(problems) > 0 {
			d.Machine = append(d.Machine, doctor.Finding{
				Level: doctor.Problem, Text: fmt.Sprintf("the inventory has %s, so networks and modes are not known", count(len(problems), "problem")),
				Hint: "rackhand check " + cfg.Inventory,
			})
		}
	}
	links, err := c.links(cfg)
	if err != nil {
		return err
	}
	d.Machine = append(d.Machine, doctor.Programs(bootfiles.New(known.Bootfiles).WithFetched(filepath.Join(known.State, "bootfiles")), snap)...)
	if cfg != nil {
		d.Machine = append(d.Machine, doctor.Database(filepath.Join(cfg.State, "rackhand.db"), cfg.Keep.Size, cfg.Keep.Days)...)
	}
	d.Links = doctor.LookAll(ctx, links, doctor.Options{
		Snapshot: snap, Ports: doctor.Ports(known.TFTP, known.HTTP, known.Agents), Random: rand.Reader, Machine: doctor.ThisMachine(),
	})
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err := c.print(out, d); err != nil {
		return err
	}
	return d.exit()
}

// settings loads the configuration; nil without one.
func (c *doctorCmd) settings() (*config.Config, error) {
	file := c.Config
	if file == "" {
		file = usualConfig
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	cfg, problems := config.Load(file)
	return cfg, problems.Err()
}

// links are the links to check, with our address there if the settings give it.
func (c *doctorCmd) links(cfg *config.Config) ([]doctor.Target, error) {
	names := c.Links
	if len(names) == 0 && cfg != nil {
		names = cfg.Interfaces
	}
	if len(names) == 0 {
		all, err := doctor.Links(doctor.ThisMachine())
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			if l.Serves() {
				names = append(names, l.Name)
			}
		}
		if len(names) == 0 {
			return nil, errors.New("no Ethernet link is up: switch one on, or name one")
		}
	}
	var targets []doctor.Target
	for _, name := range names {
		if strings.ContainsAny(name, "/ ") || name == "" || name[0] == '.' {
			return nil, fmt.Errorf("%q can't be the name of a link: `ip link` lists the names", name)
		}
		t := doctor.Target{Link: name}
		if cfg != nil {
			t.Address = links.AddressOn(cfg, name)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func (c *doctorCmd) print(out io.Writer, d diagnosis) error {
	if c.JSON {
		return printJSON(out, d)
	}
	for _, r := range d.Links {
		if err := doctor.Write(out, r); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(out, "this machine"); err != nil {
		return err
	}
	return doctor.WriteFindings(out, d.Machine)
}

func (d diagnosis) exit() error {
	all := d.Machine
	for _, r := range d.Links {
		all = append(all, r.Findings...)
	}
	switch {
	case doctor.Worst(all) == doctor.Problem:
		return silent{1}
	case doctor.Unseen(all):
		return silent{2}
	}
	return nil
}
