package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"rackhand/inventory"
	"rackhand/provision/installer/netconf"
	"rackhand/provision/installer/plan"
	"rackhand/provision/preview"
	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// maxLsblk bounds the file of --disks.
const maxLsblk = 1 << 20

// plan prints the steps of a host's install, as far as they are known without the box.
func (c *renderCmd) plan(p *preview.Preview, in io.Reader, out io.Writer) error {
	if c.Reveal {
		return errors.New("--reveal: a plan shows no secrets")
	}
	text, notes, err := p.Render(c.Host, preview.Kickstart)
	if err != nil {
		return err
	}
	h := p.Snapshot.Hosts[c.Host]
	if h.System.Installer != inventory.InstallerImage {
		return fmt.Errorf("host %s: Anaconda installs it and makes its own plan; only the image installer's plan can be shown", h.Name)
	}
	f, err := kickstart.Parse(h.Kickstart, []byte(text))
	if err != nil {
		return err
	}
	facts, err := c.facts(h, in)
	if err != nil {
		return err
	}
	// The image matters only to a brought Kickstart that names none itself.
	o := plan.ReadOptions{Unsupported: engine.Unsupported(h.System.Unsupported), Image: plan.ImageStep{URL: h.System.Image, SHA256: "its checksum"}}
	shown, err := plan.Preview(f, o, facts)
	if err != nil {
		return fmt.Errorf("host %s: %w", h.Name, err)
	}
	writeNotes(notes)
	firmware := "UEFI firmware; --bios is for BIOS"
	if c.BIOS {
		firmware = "BIOS firmware, as --bios says"
	}
	_, err = fmt.Fprintf(out, "assumed: %s\n%s", firmware, shown)
	return err
}

// facts are a box's facts from the inventory and --disks.
func (c *renderCmd) facts(h *inventory.Host, in io.Reader) (plan.Facts, error) {
	facts := plan.Facts{UEFI: !c.BIOS}
	for i, mac := range h.MACs {
		facts.NICs = append(facts.NICs, netconf.NIC{Name: fmt.Sprintf("eth%d", i), MAC: mac.String()})
	}
	facts.BootNIC = facts.NICs[0].Name
	if h.Network != nil {
		for _, d := range h.Network.DNS {
			facts.DNS = append(facts.DNS, d.String())
		}
	}
	if c.Disks == "" {
		return facts, nil
	}
	if c.Disks != "-" {
		f, err := os.Open(c.Disks)
		if err != nil {
			return facts, fmt.Errorf("--disks: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxLsblk))
	if err != nil {
		return facts, fmt.Errorf("--disks: %w", err)
	}
	if facts.Disks, err = plan.ReadLsblk(text); err != nil {
		return facts, fmt.Errorf("--disks %s: %w", c.Disks, err)
	}
	return facts, nil
}
