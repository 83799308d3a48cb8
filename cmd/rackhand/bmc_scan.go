package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"rackhand/provision"
	"rackhand/provision/terminal"
	"rackhand/provision/web/client"
)

type bmcScanCmd struct {
	socketFlag
	jsonFlag
	Network string `arg:"" help:"The network, such as 10.77.0.0/24, or one address."`
	Rate    int    `help:"Addresses a second." default:"50"`
	Large   bool   `help:"Also search more than a /20, at most a /16."`
}

// Help is the end of --help.
func (c *bmcScanCmd) Help() string {
	return "The appliance sends each address the ping of RMCP, an IPMI question and a GET of Redfish's root. It never logs in. Run it for networks that are yours."
}

func (c *bmcScanCmd) Run(ctx context.Context, out io.Writer) error {
	r := provision.ScanRequest{Rate: c.Rate, Large: c.Large}
	var err error
	if addr, e := netip.ParseAddr(c.Network); e == nil {
		r.Network = netip.PrefixFrom(addr, addr.BitLen())
	} else if r.Network, err = netip.ParsePrefix(c.Network); err != nil {
		return exitError{exitUsage, fmt.Errorf("%s: a network such as 10.77.0.0/24 or an address is wanted", c.Network)}
	}
	if err := r.Check(); err != nil {
		return exitError{exitUsage, err}
	}
	found := []provision.FoundBMC{}
	if err := client.New(c.Socket).ScanBMCs(ctx, r, func(f provision.FoundBMC) { found = append(found, f) }); err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b provision.FoundBMC) int { return a.Address.Compare(b.Address) })
	if c.JSON {
		return printJSON(out, found)
	}
	return showFound(out, r, found)
}

func showFound(out io.Writer, r provision.ScanRequest, found []provision.FoundBMC) error {
	if len(found) == 0 {
		fmt.Fprintf(out, "no BMC answers in %s\n", r.Network.Masked())
		return nil
	}
	table := &terminal.Table{Head: []string{"ADDRESS", "PROTOCOLS", "VENDOR", "HOST"}, Narrow: true}
	add := false
	for _, f := range found {
		var vendor []string
		for _, s := range []string{f.Vendor, f.Product} {
			if s != "" {
				vendor = append(vendor, s)
			}
		}
		table.Add(f.Address.String(), protocolsOf(f), cmp.Or(strings.Join(vendor, " "), "unknown"), cmp.Or(f.Host, "not in the inventory"))
		add = add || f.Add != ""
	}
	if err := table.Write(out); err != nil {
		return err
	}
	if add {
		fmt.Fprintln(out, "\nTo add one to its host:")
		for _, f := range found {
			if f.Add != "" {
				fmt.Fprintln(out, "  "+f.Add)
			}
		}
	}
	return nil
}

func protocolsOf(f provision.FoundBMC) string {
	var out []string
	if f.Redfish != "" {
		out = append(out, "Redfish "+f.Redfish)
	}
	switch {
	case f.IPMI == "asf":
		out = append(out, "RMCP")
	case f.Anonymous:
		out = append(out, "IPMI "+f.IPMI+" (anonymous login)")
	case f.IPMI != "":
		out = append(out, "IPMI "+f.IPMI)
	}
	return strings.Join(out, ", ")
}
