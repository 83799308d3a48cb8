// Package preview renders what hosts would get, compares that for two inventories,
// and tries an inventory for each of its hosts, without an appliance.
package preview

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"

	"rackhand/config"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
	"rackhand/provision/handout"
	"rackhand/provision/links"
	"rackhand/templates"
)

// An Answer is a kind of text for a host.
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

// A Preview renders the texts that hosts would get, without an install. Words in capitals
// stand for values that only an install knows. Rendering the same input twice gives the same
// text. It is safe for concurrent use.
type Preview struct {
	Options
	Snapshot *inventory.Snapshot
	roles    *Roles
	set      *templates.Set
	ours     []netip.Addr // at which the appliance answers
}

// Options are the settings of a Preview.
type Options struct {
	// Config has the appliance's settings; nil: stand-ins are used for its values.
	Config *config.Config
	// Secret looks a secret up; nil masks them.
	Secret func(name string) (string, error)
	// Facts returns the facts of a host; nil: none are known.
	Facts func(host string) map[string]any
	// Random is for the salts of hashed passwords, if Secret is not nil.
	Random io.Reader
}

// Open reads an inventory with its roles and templates. Later changes in the folder have no
// effect.
func Open(dir string, o Options) (*Preview, inventory.Problems) {
	roles, problems := role.Load(filepath.Join(dir, "roles"))
	snap, more := inventory.Load(dir, inventory.Options{Roles: roles.Names(), Templates: hasTemplate(dir)})
	if problems = append(more, problems...); len(problems) > 0 {
		return nil, problems
	}
	made := newRoles(dir, snap, roles, nil)
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
// beyond the token, and what of a catalog waits for facts.
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
		return text, append(p.addressNote(h), c.Waiting...), err
	}
	if h.System == nil {
		return "", nil, fmt.Errorf("host %s has no system, so it is never installed: give it one, or its group", host)
	}
	d, notes, err := p.data(h, what)
	if err != nil {
		return "", nil, err
	}
	switch m := p.maker(); what {
	case Kickstart:
		text, err = m.AnswerFile(d, nil)
	case Script:
		text, err = m.Script(handout.IPXEHTTP.Install(), d)
	case Menu:
		text, err = m.Script(handout.GRUBHTTP.Install(), d)
	default:
		return "", nil, fmt.Errorf("%q can't be rendered: use kickstart, script, grub or catalog", what)
	}
	return text, notes, ofHost(h, err)
}

// ofHost names the host that an error is about.
func ofHost(h *inventory.Host, err error) error {
	if err != nil {
		return fmt.Errorf("host %s: %w", h.Name, err)
	}
	return nil
}

// lookUp returns the function by which templates and roles get secrets. It sets asked, if that
// is not nil, when the first secret is looked up.
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
	if len(h.Roles) == 0 {
		version, err := catalog.Version(nil)
		return &role.Compiled{Catalog: catalog.Catalog{Host: h.Name, Version: version}}, err
	}
	secrets := false
	c, err := p.roles.Compile(h, p.appliance(h).URL, p.lookUp(&secrets), p.factsOf(h))
	if err != nil {
		return nil, err
	}
	if secrets && p.Secret == nil {
		c.Catalog.Version = templates.Mask
	}
	return c, nil
}

// Explain says where a resource of a host comes from. The content of a sensitive file is
// masked.
func (p *Preview) Explain(host, id string) (*role.Explanation, error) {
	if _, err := inventory.Explain(p.Snapshot, host, ""); err != nil {
		return nil, err
	}
	h := p.Snapshot.Hosts[host]
	return p.roles.set.Explain(h.Roles, p.roles.input(h, p.appliance(h).URL, p.lookUp(nil), p.factsOf(h)), id)
}

func (p *Preview) factsOf(h *inventory.Host) map[string]any {
	if p.Facts == nil {
		return nil
	}
	return p.Facts(h.Name)
}

// appliance returns the URLs at which a host would reach the appliance: at its address in the
// host's own network, if it has one.
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

// data is the input of an install's templates.
func (p *Preview) data(h *inventory.Host, what Answer) (templates.Data, []string, error) {
	at, notes, l := p.appliance(h), p.addressNote(h), handout.IPXEHTTP
	if what == Menu {
		l = handout.GRUBHTTP
	}
	img, note, err := imageOf(p.Config, h, l, at.URL)
	if note != "" && (what != Kickstart || h.System.Installer == inventory.InstallerImage) {
		notes = append(notes, note) // Anaconda's Kickstart doesn't depend on the media
	}
	d := p.maker().Data(h, at, img, handout.Attempt{ID: someInstall, MAC: h.MACs[0], Token: someToken, EnrolToken: someEnrolToken, Another: true})
	return d, notes, err
}

// maker makes the texts for hosts.
func (p *Preview) maker() *handout.Maker {
	m := &handout.Maker{Templates: p.set, Secret: p.lookUp(nil)}
	if p.Secret != nil { // what is masked is not hashed
		m.Random = p.Random
	}
	if p.Config != nil {
		m.Mirrors = MirrorNames(p.Config)
	}
	return m
}

func indented(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	return b.String(), err
}
