package main

import (
	"context"
	"fmt"
	"io"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/edit"
	"rackhand/provision/preview"
)

// imageSystem is the flag that declares a new image in the inventory.
type imageSystem struct {
	System bool `help:"Add a system of the image's name to the inventory, if none names the image yet."`
}

// declare adds the system, or says how if none names the image. Without the flag, an
// inventory that can't be read is passed over: the image is there all the same.
func (c imageSystem) declare(ctx context.Context, cfg *config.Config, m *image.Manifest, out io.Writer) error {
	snap, problems := preview.Load(cfg.Inventory)
	if len(problems) > 0 && !c.System {
		return nil
	}
	if len(problems) == 0 {
		for _, s := range snap.Systems {
			if s.Installer == inventory.InstallerImage && s.Image == m.Name {
				return nil
			}
		}
		if !c.System {
			_, err := fmt.Fprintf(out, "no system of the inventory names it: give --system to add one\n")
			return err
		}
	}
	fields := []edit.Field{{Key: "installer", Values: []string{inventory.InstallerImage}}, {Key: "image", Values: []string{m.Name}}}
	if m.Arch != inventory.ArchAMD64 {
		fields = append(fields, edit.Field{Key: "arch", Values: []string{m.Arch}})
	}
	f := editFlags{Inventory: cfg.Inventory}
	return f.edit(ctx, out, func(files []edit.File) (edit.Change, error) {
		return edit.AddIn(files, "", edit.Path{"systems", m.Name}, fields)
	}, func() {})
}
