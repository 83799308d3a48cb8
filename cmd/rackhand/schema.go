package main

import (
	"io"

	"rackhand/config"
	"rackhand/inventory"
)

type schemaCmd struct {
	Of string `arg:"" enum:"inventory,config" help:"inventory or config."`
}

func (c *schemaCmd) Run(out io.Writer) error {
	write := inventory.JSONSchema
	if c.Of == "config" {
		write = config.JSONSchema
	}
	data, err := write()
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}
