package rehearse

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"embed"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"rackhand/inventory"
	"rackhand/provision/rack"
)

//go:embed all:demo
var demo embed.FS

// A spot is where box i stands in the inventory's terms.
type spot struct {
	Name    string
	mac     inventory.MAC
	MAC     string
	Address string
	bmc     netip.Addr
	BMC     string // the inventory's keys
	Unit    int
	System  string // "" for the group's
	Boot    string // "" for nothing
	// Variables are those of the host; "" for none.
	Variables string
}

func place(i int) spot {
	p := spot{
		mac:     inventory.MAC{0x52, 0x54, 0, 0, 0, byte(i + 1)},
		Address: netip.AddrFrom4([4]byte{10, 77, 0, byte(11 + i)}).String(),
		bmc:     netip.AddrFrom4([4]byte{10, 77, 0, byte(111 + i)}),
		Unit:    10 + i,
	}
	p.MAC = p.mac.String()
	return p
}

// Address is the address of the box with this index.
func Address(i int) string { return place(i).Address }

// MAC is the MAC of the box with this index.
func MAC(i int) string { return place(i).MAC }

// MoreMAC is the MAC of further card n, from 0, of the box with this index.
func MoreMAC(i, n int) string { return moreMAC(i, n).String() }

func moreMAC(i, n int) inventory.MAC {
	return inventory.MAC{0x52, 0x54, 0, 0, byte(n + 1), byte(i + 1)}
}

// writeFiles writes the settings, inventory and secrets of a rehearsal.
func writeFiles(dir string, o Options, boxes []*rack.Box, password string) error {
	data := struct {
		Dir, Policy, DHCP, Bootfiles string
		UnclaimedWait                string
		Upstreams                    map[string]string
		Systems                      map[string]string // processor by name
		Hosts                        []spot
	}{
		Dir: dir, Policy: o.Policy, DHCP: cmp.Or(o.DHCP, string(inventory.DHCPAuthoritative)),
		UnclaimedWait: o.UnclaimedWait, Bootfiles: o.Bootfiles, Upstreams: o.Upstreams,
		Systems: map[string]string{"debian12": inventory.ArchAMD64},
	}
	for i, b := range o.Boxes {
		if !b.Unclaimed {
			p := place(i)
			p.Name, p.System, p.Boot, p.Variables = b.Name, b.System, b.Boot, b.Variables
			p.BMC = "address: " + p.bmc.String()
			if b.Redfish {
				p.BMC += ", protocol: redfish, fingerprint: " + boxes[i].Redfish().Fingerprint()
			}
			if b.BMC != "" {
				p.BMC += ", " + b.BMC
			}
			data.Hosts = append(data.Hosts, p)
		}
		if b.System != "" {
			data.Systems[b.System] = cmp.Or(b.Arch, inventory.ArchAMD64)
		}
	}
	for _, sub := range []string{"state", "inventory/roles", "inventory/templates", "secrets/bmc"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	images, err := filepath.Abs(o.Images)
	if err != nil {
		return err
	}
	if err := os.Symlink(images, filepath.Join(dir, "state", "images")); err != nil {
		return err
	}
	for from, to := range map[string]string{"rackhand.yaml.tmpl": "rackhand.yaml", "rack.yaml.tmpl": "inventory/rack.yaml"} {
		if err := fill(from, filepath.Join(dir, to), data); err != nil {
			return err
		}
	}
	for _, sub := range []string{"roles", "templates"} {
		if err := copyAll("demo/"+sub, filepath.Join(dir, "inventory", sub)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "secrets", "bmc", "rack1"), []byte(password+"\n"), 0o600)
}

func fill(name, to string, data any) error {
	text, err := demo.ReadFile("demo/" + name)
	if err != nil {
		return err
	}
	t, err := template.New(name).Option("missingkey=error").Parse(string(text))
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, data); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o600)
}

func copyAll(from, to string) error {
	files, err := fs.ReadDir(demo, from)
	if err != nil {
		return err
	}
	for _, f := range files {
		b, err := demo.ReadFile(from + "/" + f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func randomPassword() string {
	// IPMI keeps at most 20 bytes.
	return strings.ToLower(rand.Text())[:16]
}

func hostsOf(upstreams map[string]string) ([]string, error) {
	var hosts []string
	for name, u := range upstreams {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" {
			return nil, fmt.Errorf("mirror %s: not a URL with a host", name)
		}
		hosts = append(hosts, parsed.Host)
	}
	return hosts, nil
}
