package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"

	"rackhand/inventory"
	"rackhand/inventory/edit"
	"rackhand/provision"
	"rackhand/provision/preview"
)

type bmcAddCmd struct {
	socketFlag
	editFlags
	Host     string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	Address  string `arg:"" optional:"" help:"The address of its BMC (default: the one that it has, or with --mac the next free one of the network where the BMC was seen)."`
	MAC      string `name:"mac" complete:"mac" help:"The MAC of the BMC's own port: DHCP then gives the BMC its address." placeholder:"MAC"`
	Network  string `complete:"network" help:"The network to take an address from, if there are several."`
	User     string `help:"The BMC's user, if the host's group names none." placeholder:"USER"`
	Password string `name:"password-file" help:"A file whose first line is that user's password; - is the standard input. The secret bmc/NAME keeps it." placeholder:"FILE"`
}

// Help is the end of --help.
func (c *bmcAddCmd) Help() string {
	return "An address or --mac is needed. rackhand status lists BMCs that ask for an address, and rackhand bmc scan finds those that have one."
}

func (c *bmcAddCmd) Run(ctx context.Context, out io.Writer) error {
	if c.Address == "" && c.MAC == "" {
		return exitError{exitUsage, errors.New("give the BMC's address, or its MAC with --mac")}
	}
	var mac inventory.MAC
	var err error
	if c.MAC != "" {
		if mac, err = edit.ParseMAC(c.MAC); err != nil {
			return exitError{exitUsage, err}
		}
	}
	account := edit.Host{Name: c.Host}
	declared := claimBMC{BMC: c.Address, User: c.User, Password: c.Password}
	if c.Address == "" {
		declared.BMC = netip.IPv4Unspecified().String() // it is found below
	}
	keep, err := declared.on(&account, c.Inventory)
	if err != nil {
		return err
	}
	seen := askAround(ctx, c.Socket, c.Inventory)
	said := ""
	err = c.edit(ctx, out, func(files []edit.File) (edit.Change, error) {
		snap, problems := preview.Load(c.Inventory)
		if len(problems) > 0 {
			return edit.Change{}, &edit.Broken{Problems: problems, Already: len(problems)}
		}
		h := snap.Hosts[c.Host]
		if h == nil {
			return edit.Change{}, provision.NoHost(c.Host, slices.Sorted(maps.Keys(snap.Hosts)))
		}
		address := c.Address
		if address == "" && (h.BMC == nil || !h.BMC.Address.IsValid()) {
			n, err := edit.NetworkFor(snap, edit.Need{Network: c.Network, Seen: seen.at[mac], Group: h.Group})
			if err != nil {
				return edit.Change{}, err
			}
			free, err := edit.NextFree(snap, n, func(a netip.Addr) bool { return seen.taken[a] })
			if err != nil {
				return edit.Change{}, err
			}
			address = free.String()
			said = fmt.Sprintf("the BMC of %s gets %s, the next free address of network %s (%s)\n", c.Host, free, n.Name, n.Subnet)
		}
		var set []setting
		add := func(key, value string) {
			if value != "" {
				set = append(set, setting{edit.Path{"hosts", c.Host, "bmc", key}, value})
			}
		}
		add("address", address)
		if c.MAC != "" {
			add("mac", mac.String())
		}
		add("user", account.BMC.User)
		if account.BMC.Secret != "" {
			add("password", "{secret: "+account.BMC.Secret+"}")
		}
		return setAll(files, c.File, set)
	}, func() { fmt.Fprint(out, said) })
	if err != nil || c.DryRun || keep == nil {
		return err
	}
	path, err := keep()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is written\n", path)
	return nil
}

// A setting is a value for a path of the inventory.
type setting struct {
	path  edit.Path
	value string
}

// setAll is one change with several settings of a file.
func setAll(files []edit.File, only string, settings []setting) (edit.Change, error) {
	files = slices.Clone(files)
	var all edit.Change
	for _, s := range settings {
		one, err := edit.SetIn(files, only, s.path, s.value)
		if err != nil {
			return all, err
		}
		all, only = one, one.File // the next ones belong beside it
		for i := range files {
			if files[i].Name == one.File {
				files[i].Text = one.Text
			}
		}
	}
	return all, nil
}
