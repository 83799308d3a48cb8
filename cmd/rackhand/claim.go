package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/edit"
	"rackhand/provision"
	"rackhand/provision/preview"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type claimCmd struct {
	socketFlag
	editFlags
	JSON bool   `name:"json" help:"The list as JSON."`
	MAC  string `arg:"" optional:"" name:"mac" complete:"mac" help:"The box's MAC, in any usual spelling. Without MAC and name, the unclaimed boxes are listed."`
	Name string `arg:"" optional:"" help:"The host's name."`

	Address string   `help:"The host's address (default: the next free one of its network)."`
	Network string   `complete:"network" help:"The network to take an address from, if there are several."`
	Group   string   `complete:"group" help:"The host's group."`
	System  string   `complete:"system" help:"The host's system, if its group has none."`
	Role    []string `complete:"role" help:"The host's role instead of its group's; may be given several times." placeholder:"ROLE"`
	Request bool     `name:"on-request" xor:"install" help:"The host is installed when you say rackhand install, not at its first boot."`
	Never   bool     `name:"never-install" xor:"install" help:"The host only gets its address, such as a printer or a switch."`
	claimBMC
}

func (c *claimCmd) Run(ctx context.Context, out io.Writer) error {
	if c.MAC == "" {
		st, err := client.New(c.Socket).Status(ctx)
		if err != nil {
			return err
		}
		boxes := unclaimed(st)
		if c.JSON {
			return printJSON(out, boxes)
		}
		return show.Unclaimed(out, boxes, time.Now())
	}
	if c.JSON {
		return exitError{exitUsage, errors.New("--json is for the list of unclaimed boxes: leave the MAC out")}
	}
	mac, err := edit.ParseMAC(c.MAC)
	switch {
	case err != nil:
		return exitError{exitUsage, err}
	case c.Name == "":
		return exitError{exitUsage, fmt.Errorf("give it a name: rackhand claim %s NAME --group GROUP", mac)}
	}
	host := edit.Host{Name: c.Name, MAC: mac, Group: c.Group, System: c.System, Roles: c.Role, Never: c.Never, OnRequest: c.Request}
	if c.Address != "" {
		if host.Address, err = netip.ParseAddr(c.Address); err != nil {
			return exitError{exitUsage, fmt.Errorf("%q is not an address: write one such as 10.77.0.11", c.Address)}
		}
	}
	keep, err := c.claimBMC.on(&host, c.Inventory)
	if err != nil {
		return err
	}
	seen := askAround(ctx, c.Socket, c.Inventory)
	said := ""
	var groups []string
	var made *inventory.Host
	err = c.edit(ctx, out, func(files []edit.File) (edit.Change, error) {
		groups = groupsIn(files)
		snap, problems := preview.Load(c.Inventory)
		if len(problems) > 0 {
			return edit.Change{}, &edit.Broken{Problems: problems, Already: len(problems)}
		}
		if err := edit.CheckNew(snap, host); err != nil {
			return edit.Change{}, err
		}
		if !host.Address.IsValid() {
			n, err := edit.NetworkFor(snap, edit.Need{Network: c.Network, Seen: seen.at[mac], Group: c.Group})
			if err != nil {
				return edit.Change{}, err
			}
			if host.Address, err = edit.NextFree(snap, n, func(a netip.Addr) bool { return seen.taken[a] }); err != nil {
				return edit.Change{}, err
			}
			said = fmt.Sprintf("%s gets %s, the next free address of network %s (%s)\n", host.Name, host.Address, n.Name, n.Subnet)
		}
		return edit.Claim(files, c.File, host)
	}, func() { fmt.Fprint(out, said) }, func(snap *inventory.Snapshot) error {
		made = snap.Hosts[host.Name]
		return installable(snap, host, groups)
	})
	if err != nil || c.DryRun {
		return err
	}
	if keep != nil {
		path, err := keep()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s is written\n", path)
	}
	if seen.running && made != nil {
		c.next(ctx, out, made)
	}
	return nil
}

// installable refuses a new host that would never be installed and doesn't say so.
func installable(snap *inventory.Snapshot, host edit.Host, groups []string) error {
	h := snap.Hosts[host.Name]
	if h == nil || h.System != nil || host.Never {
		return nil
	}
	what := "its group " + host.Group + " gives it no system"
	if host.Group == "" {
		what = "it is in no group"
	}
	return fmt.Errorf("nothing was changed: %s would have no system, so it would never be installed: %s; give --group%s, or --system%s if that or the defaults name a kickstart, or --never-install if it only gets its address",
		host.Name, what, oneOf(groups), oneOf(slices.Sorted(maps.Keys(snap.Systems))))
}

// groupsIn are the names of the groups that give their hosts a system, in any file.
func groupsIn(files []edit.File) []string {
	var names []string
	for _, f := range files {
		var doc struct {
			Groups map[string]struct {
				System string `yaml:"system"`
			} `yaml:"groups"`
		}
		if yaml.Unmarshal(f.Text, &doc) != nil {
			continue // the edit reports it
		}
		for name, g := range doc.Groups {
			if g.System != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// oneOf lists names for a flag.
func oneOf(names []string) string {
	const most = 8
	if len(names) == 0 {
		return ""
	}
	if len(names) > most {
		names = append(slices.Clone(names[:most]), "...")
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// seen holds facts from outside the inventory: where unclaimed boxes are, which addresses
// are in use, and whether an appliance runs.
type seen struct {
	at      map[inventory.MAC]netip.Addr
	taken   map[netip.Addr]bool
	running bool
}

// askAround gathers facts from this machine and a running appliance. Both may be silent,
// because an inventory may be edited anywhere.
func askAround(ctx context.Context, socket, folder string) seen {
	s := seen{at: map[inventory.MAC]netip.Addr{}, taken: map[netip.Addr]bool{}}
	if own, err := net.InterfaceAddrs(); err == nil {
		for _, a := range own {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				s.taken[p.Addr()] = true
			}
		}
	}
	// The appliance may be another machine: `rackhand init` puts its settings beside the
	// inventory.
	if cfg, problems := config.Load(filepath.Join(filepath.Dir(filepath.Clean(folder)), "rackhand.yaml")); len(problems) == 0 {
		s.taken[cfg.Address] = true
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	st, err := client.New(socket).Status(ctx)
	if err != nil {
		return s
	}
	s.running = true
	for _, h := range st.Hosts {
		a, err := netip.ParseAddr(h.Address)
		if err != nil {
			continue
		}
		s.taken[a] = true
		for _, text := range h.MACs {
			if mac, err := inventory.ParseMAC(text); err == nil && h.Unclaimed {
				s.at[mac] = a
			}
		}
	}
	return s
}

// unclaimed are the boxes that are not in the inventory.
func unclaimed(st provision.Status) []provision.HostStatus {
	return slices.DeleteFunc(slices.Clone(st.Hosts), func(h provision.HostStatus) bool { return !h.Unclaimed })
}
