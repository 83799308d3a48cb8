package main

import (
	"io"

	"rackhand/inventory"
	"rackhand/inventory/port"
)

type exportCmd struct {
	inventoryFlag
	As   string `arg:"" enum:"ansible,hosts,munin,prometheus" help:"ansible: a dynamic inventory as JSON; hosts: lines for /etc/hosts; munin: the hosts of a Munin master; prometheus: HTTP service discovery."`
	Port int    `help:"The port of Prometheus's targets." default:"9100"`
}

func (c *exportCmd) Run(out io.Writer) error {
	snap, problems := inventory.Load(c.Inventory, inventory.Options{})
	if err := problems.Err(); err != nil {
		return err
	}
	var data []byte
	var err error
	switch c.As {
	case "ansible":
		data, err = port.Ansible(snap)
	case "munin":
		data = port.Munin(snap)
	case "prometheus":
		data, err = port.Prometheus(snap, c.Port)
	default:
		data = port.Hosts(snap)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}
