package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"

	"rackhand/config"
	"rackhand/provision/preview"
	"rackhand/provision/setup"
)

type initCmd struct {
	Dir       string       `arg:"" help:"The folder to write. The other commands look in /etc/rackhand."`
	Interface string       `help:"The link that boxes boot on (default: chosen, with the reason)." placeholder:"LINK"`
	Force     bool         `help:"Overwrite existing files."`
	Subnet    netip.Prefix `help:"The link's subnet, such as 10.77.0.0/24, for a link that isn't up. Needs --address." placeholder:"SUBNET"`
	Address   netip.Addr   `help:"The appliance's address on the link." placeholder:"ADDRESS"`
	Gateway   netip.Addr   `help:"The link's router." placeholder:"ADDRESS"`
	DNS       []netip.Addr `name:"dns" help:"Name servers for the boxes." placeholder:"ADDRESS"`
}

func (c *initCmd) Run(out io.Writer) error {
	site, why, err := c.site()
	if err != nil {
		return err
	}
	files, err := setup.Files(site)
	if err != nil {
		return err
	}
	if err := setup.Write(c.Dir, files, c.Force); err != nil {
		return err
	}
	settings, folder := filepath.Join(c.Dir, "rackhand.yaml"), filepath.Join(c.Dir, "inventory")
	fmt.Fprintf(out, "boxes boot on %s (%s in %s): %s\n\nwritten to %s:\n", site.Interface, site.Address, site.Subnet, why, c.Dir)
	for _, f := range files {
		fmt.Fprintln(out, "  "+f.Name)
	}
	fmt.Fprintln(out, "  secrets/")
	// Together with what was there before, if anything was.
	_, problems := config.Load(settings)
	_, more := preview.Load(folder)
	if problems = append(problems, more...); len(problems) > 0 {
		return fmt.Errorf("together with the existing files, the configuration has problems:\n%w", problems.Err())
	}
	if !site.Gateway.IsValid() {
		fmt.Fprintf(out, "\nno router is known on %s: boxes there get their packages through this machine; set `mirror:` in %s\n", site.Interface, settings)
	}
	fmt.Fprintf(out, `
next:
  rackhand doctor --config %[1]s    # is there another DHCP server on %[3]s?
  rackhand image build debian12
  put your boxes' MACs into %[2]s/rack.yaml
  rackhand check %[2]s
  rackhand serve --config %[1]s
`, settings, folder, site.Interface)
	return nil
}

// site looks at this machine, or takes what the flags say.
func (c *initCmd) site() (site setup.Site, why string, err error) {
	if c.Subnet.IsValid() != c.Address.IsValid() {
		return site, "", errors.New("--subnet and --address go together")
	}
	if c.Subnet.IsValid() {
		if c.Interface == "" {
			return site, "", errors.New("--subnet and --address describe a link: name it with --interface")
		}
		return setup.Site{Interface: c.Interface, Address: c.Address, Subnet: c.Subnet, Gateway: c.Gateway, DNS: c.DNS}, "as the flags say", nil
	}
	links, err := setup.Interfaces()
	if err != nil {
		return site, "", err
	}
	link, why, err := setup.ChooseLink(links, c.Interface)
	if err != nil {
		return site, "", err
	}
	if c.Gateway.IsValid() {
		link.Gateway = c.Gateway
	}
	servers := c.DNS
	if len(servers) == 0 {
		servers = setup.Nameservers()
	}
	return setup.SiteOn(link, servers, setup.Neighbours(link.Name)), why, nil
}
