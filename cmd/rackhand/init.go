package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/provision/preview"
	"rackhand/provision/rack"
	"rackhand/provision/setup"
)

type initCmd struct {
	Dir       string       `arg:"" optional:"" default:"/etc/rackhand" complete:"file" help:"The folder to write: by default the one that the other commands look in."`
	Interface string       `help:"The link that boxes boot on (default: chosen, with the reason)." placeholder:"LINK"`
	Force     bool         `help:"Overwrite existing files."`
	Subnet    netip.Prefix `help:"The link's subnet, such as 10.77.0.0/24, for a link that isn't up. Needs --address." placeholder:"SUBNET"`
	Address   netip.Addr   `help:"The appliance's address on the link." placeholder:"ADDRESS"`
	Gateway   netip.Addr   `help:"The link's router." placeholder:"ADDRESS"`
	DNS       []netip.Addr `name:"dns" help:"Name servers for the boxes." placeholder:"ADDRESS"`

	DHCP   string            `name:"dhcp" help:"authoritative: rackhand gives the addresses. proxy: another server does." enum:"authoritative,proxy" default:"authoritative"`
	SSHKey []string          `name:"ssh-key" help:"A file with a public key that logs in as root on installed hosts; repeatable (default: ~/.ssh/id_*.pub)." type:"existingfile" placeholder:"FILE"`
	Mirror map[string]string `help:"A package mirror that boxes use through this machine, such as debian=http://mirror.example/debian; repeatable (default: those of this machine's apt, if the link has no router)." placeholder:"NAME=URL"`
}

func (c *initCmd) Run(out io.Writer) error {
	site, why, err := c.site()
	if err != nil {
		return err
	}
	site.Proxy = c.DHCP == string(inventory.DHCPProxy)
	if site.Keys, err = c.keys(); err != nil {
		return err
	}
	site.Mirrors = c.Mirror
	if len(site.Mirrors) == 0 && !site.Gateway.IsValid() {
		site.Mirrors, _ = rack.AptUpstreams() // none: the closing words say so
	}
	files, err := setup.Files(site)
	if err != nil {
		return err
	}
	if err := setup.Write(c.Dir, files, c.Force); err != nil {
		return err
	}
	if err := giveSecrets(c.Dir); err != nil {
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
	c.say(out, site, settings, folder)
	return nil
}

// say ends with what was chosen for the operator, and what to do next.
func (c *initCmd) say(out io.Writer, site setup.Site, settings, folder string) {
	fmt.Fprintln(out)
	if n := len(site.Keys); n > 0 {
		fmt.Fprintf(out, "root on installed hosts takes %s of yours\n", count(n, "ssh key"))
	} else {
		fmt.Fprintf(out, "no ssh key was found, so no user can log in on installed hosts. With a key:\n  %s --ssh-key FILE\n", c.again())
	}
	switch {
	case len(site.Mirrors) > 0:
		fmt.Fprintf(out, "packages come through this machine, from %s\n", strings.Join(slices.Sorted(maps.Values(site.Mirrors)), ", "))
	case !site.Gateway.IsValid():
		fmt.Fprintf(out, "no router is known on %s, so boxes there reach no packages. With a mirror:\n  %s --mirror debian=URL\n", site.Interface, c.again())
	}
	config, folder := " --config "+settings, " "+folder
	if filepath.Clean(c.Dir) == "/etc/rackhand" { // the commands' default
		config, folder = "", ""
	}
	fmt.Fprintf(out, `
next:
  rackhand doctor%[1]s
  rackhand image build debian12
  rackhand check%[2]s
  rackhand serve%[1]s
  rackhand claim    # once a box has booted from the network
`, config, folder)
	if !site.Proxy {
		fmt.Fprintf(out, "if doctor finds another DHCP server that is to stay:\n  %s --dhcp proxy\n", c.again())
	}
}

// again is this command, ready for another flag.
func (c *initCmd) again() string {
	words := []string{"rackhand", "init", c.Dir, "--force"}
	flag := func(name, value string, given bool) {
		if given {
			words = append(words, "--"+name, value)
		}
	}
	flag("interface", c.Interface, c.Interface != "")
	flag("subnet", c.Subnet.String(), c.Subnet.IsValid())
	flag("address", c.Address.String(), c.Address.IsValid())
	flag("gateway", c.Gateway.String(), c.Gateway.IsValid())
	for _, a := range c.DNS {
		flag("dns", a.String(), true)
	}
	return strings.Join(words, " ")
}

// keys are the public keys of the operator.
func (c *initCmd) keys() ([]string, error) {
	texts, err := publicKeys(c.SSHKey, os.UserHomeDir)
	var keys []string
	for _, text := range texts {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				keys = append(keys, line)
			}
		}
	}
	return keys, err
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
