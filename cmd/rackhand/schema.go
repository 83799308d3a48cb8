package main

import (
	"io"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/reports"
)

type schemaCmd struct {
	Of string `arg:"" enum:"inventory,config,role,image,report" help:"inventory, config, role, image (a recipe) or report (of an agent)."`
}

func (c *schemaCmd) Run(out io.Writer) error {
	data, err := map[string]func() ([]byte, error){
		"inventory": inventory.JSONSchema, "config": config.JSONSchema, "role": role.JSONSchema,
		"image": image.RecipeSchema, "report": reports.JSONSchema,
	}[c.Of]()
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}
