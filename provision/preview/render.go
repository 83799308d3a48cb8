// Package preview renders what hosts would be handed, compares that for two inventories,
// and tries an inventory out for each of its hosts, without an appliance.
package preview

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"strings"

	"rackhand/bootfiles/image"
	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
	"rackhand/provision/links"
	"rackhand/templates"
)

// An Answer is something that a host is handed.
type Answer string

// The answers.
const (
	Kickstart   Answer = "kickstart"
	Script      Answer = "script" // iPXE's, of an install
	Menu        Answer = "grub"   // GRUB's, of an install
	CatalogJSON Answer = "catalog"
)

const (
	// Only an install knows these.
	someToken, someEnrolToken, someInstall = "TOKEN", "ENROL-TOKEN", "INSTALL"
)

// someAppliance is an address of TEST-NET-1 (RFC 5737): never an appliance.
var someAppliance = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// A Preview renders what hosts would be handed, without an install of them: words
// in capitals stand for what only an install knows. Two renders of the same are
// the same. It may be used by several goroutines.
type Preview struct {
	Options
	Snapshot *inventory.Snapshot
	roles    *Roles
	set      *templates.Set
	ours     []netip.Addr // at which the appliance answers
}

// Options are what a preview is made with.
type Options struct {
	// Config is the appliance's settings. With nil stand-ins are taken for what they
	// would say.
	Config *config.Config
	// Secret looks a secret up; nil masks them.
	Secret func(name string) (string, error)
	// Random is where the salts of hashed passwords come from, when there is Secret.
	Random io.Reader
}

// Open reads an inventory with its roles and templates, as they are now: what
// changes in the folder later is not seen.
func Open(dir string, o Options) (*Preview, inventory.Problems) {
	roles, problems := role.Load(filepath.Join(dir, "roles"))
	snap, more := inventory.Load(dir, inventory.Options{Roles: roles.Names(), Templates: hasTemplate(dir)})
	if problems = append(more, problems...); len(problems) > 0 {
		return nil, problems
	}
	made := newRoles(dir, roles, nil)
	p := &Preview{Options: o, Snapshot: snap, roles: made, set: made.templates}
	if o.Config != nil {
		p.ours = ownAddresses(o.Config)
	}
	return p, nil
}

// ownAddresses are those at which an appliance with these settings would answer, as
// far as this machine can tell.
func ownAddresses(cfg *config.Config) []netip.Addr {
	copied := *cfg
	found, wait, err := links.Resolve(&copied)
	if err != nil || wait != "" {
		found = nil // another machine's settings, or an interface that isn't up
	}
	var out []netip.Addr
	if copied.Address.IsValid() {
		out = append(out, copied.Address)
	}
	for _, l := range found {
		out = append(out, l.Addr)
	}
	return out
}

// Render renders one answer of a host. notes say which of its values are stand-ins,
// beyond the token.
func (p *Preview) Render(host string, what Answer) (text string, notes []string, err error) {
	if _, err := inventory.Explain(p.Snapshot, host, ""); err != nil {
		return "", nil, err
	}
	h := p.Snapshot.Hosts[host]
	if what == CatalogJSON {
		c, err := p.Compile(h)
		if err != nil {
			return "", nil, err
		}
		text, err := indented(c.Catalog)
		return text, p.addressNote(h), err
	}
	if h.System == nil {
		return "", nil, fmt.Errorf("host %s has no system, so it is never installed: give it one, or its group", host)
	}
	d, notes := p.data(h, what)
	template := map[Answer]string{Kickstart: h.Kickstart, Script: "install.ipxe", Menu: "install.grub"}[what]
	if template == "" {
		return "", nil, fmt.Errorf("%q is nothing that a host is handed: kickstart, script, grub or catalog", what)
	}
	text, err = p.template(h, template, d)
	return text, notes, err
}

func (p *Preview) template(h *inventory.Host, name string, d templates.Data) (string, error) {
	text, err := p.set.Render(name, d, templates.Funcs(h, p.lookUp(nil), p.options()...))
	if err != nil {
		return "", fmt.Errorf("host %s: %w", h.Name, err)
	}
	return text, nil
}

// options are those of a render with secrets: one without hashes nothing.
func (p *Preview) options() []templates.Option {
	if p.Secret == nil || p.Random == nil {
		return nil
	}
	return []templates.Option{templates.Salt(p.Random)}
}

// lookUp is how templates and roles get secrets; asked, if given, becomes true with
// the first one.
func (p *Preview) lookUp(asked *bool) func(string) (string, error) {
	return func(name string) (string, error) {
		if asked != nil {
			*asked = true
		}
		if p.Secret == nil {
			return templates.MaskSecret(name)
		}
		return p.Secret(name)
	}
}

// Compile makes a host's catalog and checks. The version of one with a masked secret
// is masked: it would not be the one that the agent sees.
func (p *Preview) Compile(h *inventory.Host) (*role.Compiled, error) {
	if h.Role == "" {
		version, err := catalog.Version(nil)
		return &role.Compiled{Catalog: catalog.Catalog{Host: h.Name, Version: version}}, err
	}
	secrets := false
	c, err := p.roles.Compile(h, p.appliance(h).URL, p.lookUp(&secrets))
	if err != nil {
		return nil, err
	}
	if secrets && p.Secret == nil {
		c.Catalog.Version = templates.Mask
	}
	return c, nil
}

// appliance is where a host would reach the appliance: the address in the host's own
// network, if there is one.
func (p *Preview) appliance(h *inventory.Host) templates.Appliance {
	at, ports := someAppliance, p.Config
	if ports == nil {
		ports = config.Default()
	}
	if len(p.ours) > 0 {
		at = p.ours[0]
	}
	for _, a := range p.ours {
		if h.Network != nil && h.Network.Subnet.Contains(a) {
			at = a
			break
		}
	}
	return templates.ApplianceAt(at, ports.HTTP, ports.Agents)
}

func (p *Preview) addressNote(h *inventory.Host) []string {
	if len(p.ours) == 0 {
		return []string{someAppliance.String() + " stands for the appliance: no configuration says its address"}
	}
	return nil
}

// data is what an install's templates would be rendered from.
func (p *Preview) data(h *inventory.Host, what Answer) (templates.Data, []string) {
	at, notes := p.appliance(h), p.addressNote(h)
	d := tryData(h)
	d.Appliance = at
	token := at.URL + "/i/" + someToken
	d.Install = templates.Install{
		ID: someInstall, Another: true, Kickstart: token + "/ks", Report: token + "/event", Agent: token + "/agent", CA: token + "/ca.pem",
		EnrolToken: someEnrolToken, BootIF: "01-" + strings.ReplaceAll(h.MACs[0].String(), ":", "-"),
	}
	d.Mirrors = map[string]string{}
	if p.Config != nil {
		for name := range p.Config.Mirror.Upstreams {
			d.Mirrors[name] = at.URL + "/mirror/" + name
		}
	}
	if h.System.Installer == inventory.InstallerImage {
		var note string
		if d.Image, note = p.image(h, at.URL, what); note != "" {
			notes = append(notes, note)
		}
	} else if what != Kickstart {
		var note string
		if d.Image, note = p.media(h, at.URL, what); note != "" {
			notes = append(notes, note)
		}
	}
	return d, notes
}

// image is the root image of a host's system. Its checksum is that of the state
// folder's image, or zeros with a note why.
func (p *Preview) image(h *inventory.Host, at string, what Answer) (templates.Image, string) {
	folder := "/image/" + h.System.Image + "/"
	boot := at
	if what == Menu {
		boot = "(http," + strings.TrimPrefix(at, "http://") + ")" // GRUB's way to say it
	}
	out := templates.Image{
		URL: at + folder + image.RootFile, SHA256: placeholder,
		Kernel: boot + folder + image.KernelFile, Initrd: boot + folder + image.InitrdFile,
	}
	if p.Config == nil {
		return out, "zeros stand for the checksum of the image " + h.System.Image + ": no configuration says where it lies"
	}
	m, err := image.Open(filepath.Join(p.Config.State, "images"), h.System.Image)
	if err != nil {
		if errors.Is(err, image.ErrNoImage) {
			err = errors.New("it is not built yet")
		}
		return out, fmt.Sprintf("zeros stand for the checksum of the image %s: %v", h.System.Image, err)
	}
	root := m.Root()
	out.URL, out.SHA256 = at+folder+root.Name, root.SHA256
	return out, ""
}

func indented(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.String(), err
}
