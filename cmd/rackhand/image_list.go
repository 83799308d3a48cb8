package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"rackhand/bootfiles/image"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/preview"
	"rackhand/provision/terminal"
)

type imageList struct {
	JSON bool `name:"json" help:"As JSON: every manifest, and why an image is stale."`
}

// A listed image is its manifest, and why a build today would use another recipe.
type listed struct {
	*image.Manifest
	Stale string `json:"stale"`
}

func (c *imageList) Run(p *imageCmd, out io.Writer) error {
	all, broken := image.List(p.dir())
	list := make([]listed, 0, len(all))
	for _, m := range all {
		list = append(list, listed{m, m.Stale()})
	}
	if c.JSON {
		return errors.Join(printJSON(out, list), broken)
	}
	if len(list) == 0 {
		return broken
	}
	table := &terminal.Table{Head: []string{"NAME", "RELEASE", "ARCH", "KERNEL", "MB", "PACKAGES", "AGE", "RECIPE"}}
	for _, m := range list {
		recipe := cmp.Or(m.Stale, "current")
		if m.Import != nil {
			recipe = "imported from " + m.Import.File
		}
		var size int64
		for _, f := range m.Files {
			size += f.Size
		}
		table.Add(m.Name, cmp.Or(strings.TrimSpace(m.Distribution+" "+m.Release), "-"),
			m.Arch, cmp.Or(m.Kernel, "-"), megabytes(size), fmt.Sprint(m.Packages), provision.Roughly(time.Since(m.Created)), recipe)
	}
	return errors.Join(table.Write(out), broken)
}

type imageRemove struct {
	Name      string `arg:"" complete:"image" help:"The image."`
	Inventory string `help:"The inventory to search for systems that name the image, instead of the settings'." type:"path"`
	Force     bool   `help:"Remove it although a system names it."`
}

func (c *imageRemove) Run(p *imageCmd, out io.Writer) error {
	if !c.Force {
		if err := c.unused(p); err != nil {
			return err
		}
	}
	if err := image.Remove(p.dir(), c.Name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "image %s is removed\n", c.Name)
	return err
}

// unused: no system of the inventory names the image.
func (c *imageRemove) unused(p *imageCmd) error {
	dir := cmp.Or(c.Inventory, p.cfg.Inventory)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && c.Inventory == "" {
		return nil // nothing was declared on this machine yet
	}
	rendered, problems := preview.Open(dir, preview.Options{})
	if len(problems) > 0 {
		return fmt.Errorf("the inventory %s has problems (`rackhand check %[1]s`), so systems that name the image %s can't be found: correct them, or give --force", dir, c.Name)
	}
	var names []string
	for name, s := range rendered.Snapshot.Systems {
		if s.Installer == inventory.InstallerImage && s.Image == c.Name {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		slices.Sort(names)
		return fmt.Errorf("the inventory names the image %s (system %s): name another image there, or give --force", c.Name, strings.Join(names, ", "))
	}
	return nil
}
