package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/preview"
)

// defaultInventory is where an appliance's inventory lies.
const defaultInventory = "/etc/rackhand/inventory"

type checkCmd struct {
	Paths []string `arg:"" optional:"" name:"path" complete:"file" help:"The inventory's folder (default ${inventory}); with --kickstart, Kickstart files, - for standard input."`

	Kickstart   bool   `help:"Check Kickstart files for --release, without an inventory."`
	Release     string `help:"The release: RHEL7 to RHEL10, F42 to F44."`
	Unsupported string `enum:"refuse,skip," default:"" placeholder:"refuse|skip" help:"With --kickstart: also check for the image installer, which refuses or skips what it can't carry out."`
	Strict      bool   `help:"Exit 1 for warnings too."`
	JSON        bool   `name:"json" help:"As JSON."`
	Config      string `help:"The appliance's settings, to check images, media, secrets and addresses too (default: the rackhand.yaml that names this inventory, beside it or ${config})." type:"path"`
}

func (c *checkCmd) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	switch {
	case c.Kickstart:
		return c.kickstarts(in, out)
	case c.Unsupported != "":
		return exitError{exitUsage, errors.New("--unsupported needs --kickstart: an inventory's systems set it themselves")}
	case c.Release != "":
		return exitError{exitUsage, errors.New("--release needs --kickstart: an inventory's systems set it themselves")}
	case len(c.Paths) > 1:
		return errors.New("check takes the folder of one inventory at a time")
	}
	dir := defaultInventory
	if len(c.Paths) == 1 {
		dir = c.Paths[0]
	}
	cfg, err := settingsFor(c.Config, dir)
	if err != nil {
		return err
	}
	var supplies *preview.Supplies
	if cfg != nil {
		if _, err := cfg.SocketGID(); err != nil {
			return err
		}
		supplies = preview.SuppliesOf(cfg)
		supplies.Facts = storedFacts(ctx, cfg)
	}
	checked := preview.Check(dir, supplies)
	tests, failed := preview.TestRoles(dir)
	if len(failed) > 0 {
		checked.Problems, checked.Snapshot = append(checked.Problems, failed...), nil
	}
	if c.JSON {
		err = printJSON(out, checkedJSON(checked, tests, supplies != nil))
	} else {
		err = printChecked(out, checked, tests, len(failed), supplies != nil)
	}
	if err != nil {
		return err
	}
	if len(checked.Problems) > 0 || c.Strict && len(checked.Warnings) > 0 {
		return silent{1}
	}
	return nil
}

// A found problem is one in the output of check --json.
type found struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"` // from 1
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func foundIn(all inventory.Problems) []found {
	out := []found{}
	for _, p := range all {
		out = append(out, found{p.File, p.Line, p.Column, strings.TrimPrefix(p.Message, "warning: "), p.Hint})
	}
	return out
}

// A checkedAll is the output of check --json. Of Kickstart files it has only problems and
// warnings.
type checkedAll struct {
	Problems  []found `json:"problems"`
	Warnings  []found `json:"warnings"`
	Hosts     int     `json:"hosts"`
	Networks  int     `json:"networks"`
	RoleTests int     `json:"role_tests"`
	// Settings: an appliance's settings were known, so that images, media, secrets and
	// addresses were checked too.
	Settings bool `json:"settings"`
}

func checkedJSON(c preview.Checked, tests int, settings bool) checkedAll {
	told := checkedAll{Problems: foundIn(c.Problems), Warnings: foundIn(c.Warnings), RoleTests: tests, Settings: settings}
	if c.Snapshot != nil {
		told.Hosts, told.Networks = len(c.Snapshot.Hosts), len(c.Snapshot.Networks)
	}
	return told
}

// printChecked writes the problems and warnings, and a line that counts them.
func printChecked(out io.Writer, checked preview.Checked, tests, failed int, settings bool) error {
	for _, p := range slices.Concat(checked.Problems, checked.Warnings) {
		fmt.Fprintln(out, p)
	}
	var said []string
	if n := len(checked.Problems); n > 0 {
		said = append(said, count(n, "problem"))
	}
	if n := len(checked.Warnings); n > 0 {
		said = append(said, count(n, "warning"))
	}
	switch snap := checked.Snapshot; {
	case snap == nil:
	case len(said) == 0:
		said = append(said, "no problem found")
		fallthrough
	default:
		fmt.Fprintf(out, "%s in %s: ", count(len(snap.Hosts), "host"), count(len(snap.Networks), "network"))
	}
	if tests > 0 && failed == 0 {
		said = append(said, count(tests, "test")+" of roles passed")
	}
	fmt.Fprintln(out, strings.Join(said, ", "))
	if !settings {
		fmt.Fprintln(out, "no rackhand.yaml names this inventory, so images, media, secrets and the appliance's addresses were not checked: give --config FILE")
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// settingsFor reads the settings of the appliance that serves an inventory: the named file,
// otherwise the rackhand.yaml beside its folder or the usual one, if that names this folder.
// Nil without settings.
func settingsFor(named, dir string) (*config.Config, error) {
	if named != "" {
		cfg, problems := config.Load(named)
		return cfg, problems.Err()
	}
	want, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, path := range []string{filepath.Join(filepath.Dir(want), "rackhand.yaml"), usualConfig} {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		cfg, problems := config.Load(path)
		if err := problems.Err(); err != nil {
			if path == usualConfig && want != defaultInventory {
				continue // another inventory's, most likely
			}
			return nil, err
		}
		if has, err := filepath.Abs(cfg.Inventory); err == nil && has == want {
			return cfg, nil
		}
	}
	return nil, nil
}
