package main

import (
	"io"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role"
)

type schemaCmd struct {
	Of string `arg:"" enum:"inventory,config,role,image" help:"inventory, config, role or image (a recipe)."`
}

func (c *schemaCmd) Run(out io.Writer) error {
	data, err := map[string]func() ([]byte, error){
		"inventory": inventory.JSONSchema, "config": config.JSONSchema,
		"role": role.JSONSchema, "image": image.RecipeSchema,
	}[c.Of]()
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}
