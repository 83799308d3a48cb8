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
	"text/tabwriter"
	"time"

	"gopkg.in/yaml.v3"

	"rackhand/config"
	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/edit"
	"rackhand/provision"
	"rackhand/provision/preview"
	"rackhand/provision/web/client"
)

type claimCmd struct {
	socketFlag
	editFlags
	MAC  string `arg:"" optional:"" name:"mac" help:"The box's MAC, in any usual spelling. Without MAC and name, the unclaimed boxes are listed."`
	Name string `arg:"" optional:"" help:"The host's name."`

	Address string   `help:"The host's address (default: the next free one of its network)."`
	Network string   `help:"The network to take an address from, if there are several."`
	Group   string   `help:"The host's group."`
	System  string   `help:"The host's system, if its group has none."`
	Role    []string `help:"The host's role instead of its group's; may be given several times." placeholder:"ROLE"`
	Never   bool     `name:"never-install" help:"The host only gets its address, such as a printer or a switch."`
}

func (c *claimCmd) Run(ctx context.Context, out io.Writer) error {
	if c.MAC == "" {
		st, err := client.New(c.Socket).Status(ctx)
		if err != nil {
			return err
		}
		return listUnclaimed(out, st, time.Now())
	}
	mac, err := edit.ParseMAC(c.MAC)
	switch {
	case err != nil:
		return exitError{2, err}
	case c.Name == "":
		return exitError{2, fmt.Errorf("give it a name: rackhand claim %s NAME", mac)}
	}
	host := edit.Host{Name: c.Name, MAC: mac, Group: c.Group, System: c.System, Roles: c.Role, Never: c.Never}
	if c.Address != "" {
		if host.Address, err = netip.ParseAddr(c.Address); err != nil {
			return exitError{2, fmt.Errorf("%q is not an address: write one such as 10.77.0.11", c.Address)}
		}
	}
	seen := c.ask(ctx)
	said := ""
	var groups []string
	return c.edit(ctx, out, func(files []edit.File) (edit.Change, error) {
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
	}, func() { fmt.Fprint(out, said) }, func(snap *inventory.Snapshot) error { return installable(snap, host, groups) })
}

// ownAddress refuses a host with an address of the appliance's own, that the inventory
// did not have before.
func (f *editFlags) ownAddress() func(*inventory.Snapshot) error {
	cfg, err := settingsFor("", f.Inventory)
	if err != nil || cfg == nil {
		return func(*inventory.Snapshot) error { return nil } // it isn't known
	}
	own := preview.SuppliesOf(cfg).Addresses
	return func(snap *inventory.Snapshot) error {
		for name, h := range snap.Hosts {
			if !slices.Contains(own, h.Address) {
				continue
			}
			before, _ := preview.Load(f.Inventory)
			if before != nil && before.Hosts[name] != nil && before.Hosts[name].Address == h.Address {
				continue
			}
			return fmt.Errorf("nothing was changed: %s is the appliance's own address, so %s would get no address; choose another one", h.Address, name)
		}
		return nil
	}
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

// seen holds facts from outside the inventory: where unclaimed boxes are, and which
// addresses are in use.
type seen struct {
	at    map[inventory.MAC]netip.Addr
	taken map[netip.Addr]bool
}

// ask gathers facts from this machine and a running appliance. Both may be silent, because
// an inventory may be edited anywhere.
func (c *claimCmd) ask(ctx context.Context) seen {
	s := seen{map[inventory.MAC]netip.Addr{}, map[netip.Addr]bool{}}
	if own, err := net.InterfaceAddrs(); err == nil {
		for _, a := range own {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				s.taken[p.Addr()] = true
			}
		}
	}
	// The appliance may be another machine: `rackhand init` puts its settings beside the
	// inventory.
	if cfg, problems := config.Load(filepath.Join(filepath.Dir(filepath.Clean(c.Inventory)), "rackhand.yaml")); len(problems) == 0 {
		s.taken[cfg.Address] = true
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	st, err := client.New(c.Socket).Status(ctx)
	if err != nil {
		return s
	}
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

// listUnclaimed writes the unclaimed boxes, a line each.
func listUnclaimed(out io.Writer, st provision.Status, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	n := 0
	cell := func(s string) string {
		if s = strings.Join(strings.Fields(problem.Printable(s)), " "); s == "" {
			return "-"
		}
		return s
	}
	for _, h := range st.Hosts {
		if !h.Unclaimed {
			continue
		}
		if n++; n == 1 {
			fmt.Fprintln(w, "MAC\tADDRESS\tMAKER\tSWITCH PORT\tSEEN")
		}
		ago := "-"
		if !h.LastSeen.IsZero() {
			ago = now.Sub(h.LastSeen).Round(time.Second).String() + " ago"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", cell(h.Host), cell(h.Address), cell(h.Maker), cell(h.SwitchPort), ago)
	}
	if n == 0 {
		_, err := fmt.Fprintln(out, "no unclaimed box was seen")
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\nclaim one: rackhand claim MAC NAME")
	return err
}

// editFlags are shared by the commands that change the inventory.
type editFlags struct {
	Inventory string `help:"The inventory's folder." default:"${inventory}" env:"RACKHAND_INVENTORY" type:"path"`
	File      string `help:"The file of the inventory to change (default: the one that fits)."`
	DryRun    bool   `help:"Show the change, and write nothing."`
}

// edit makes a change, shows it, and reports the result. It calls first before it shows the
// change. If also refuses the inventory after the edit, the edit is not made.
func (f *editFlags) edit(ctx context.Context, out io.Writer, change func([]edit.File) (edit.Change, error), first func(), also ...func(*inventory.Snapshot) error) error {
	also = append(also, f.ownAddress())
	var refused error
	folder := edit.Folder{Dir: f.Inventory, Load: func(dir string) (*inventory.Snapshot, inventory.Problems) {
		snap, problems := preview.Load(dir)
		for _, look := range also {
			if refused == nil && snap != nil {
				refused = look(snap)
			}
		}
		if refused != nil {
			problems = append(problems, problem.Problem{Message: refused.Error()})
		}
		return snap, problems
	}}
	done, err := folder.Edit(ctx, f.DryRun, change)
	var broken *edit.Broken
	switch {
	case refused != nil && err != nil:
		return refused
	case errors.As(err, &broken):
		for _, p := range broken.Problems {
			fmt.Fprintln(out, p)
		}
		if broken.Already > 0 {
			return fmt.Errorf("nothing was changed: the inventory already has problems (%d); correct them first, rackhand check shows them", broken.Already)
		}
		return fmt.Errorf("nothing was changed: with this edit the inventory would have %s", count(len(broken.Problems), "problem"))
	case err != nil:
		return err
	}
	first()
	text := done.Diff()
	if text == "" {
		fmt.Fprintf(out, "%s: nothing to change\n", done.File)
		return nil
	}
	fmt.Fprint(out, text)
	if f.DryRun {
		return nil
	}
	fmt.Fprintf(out, "%s is written\n", done.File)
	return nil
}
