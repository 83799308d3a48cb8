package appliance

import (
	"os"
	"path/filepath"

	"rackhand/inventory"
	"rackhand/provision/catalog"
	"rackhand/provision/catalogs"
	"rackhand/provision/content"
)

// maxContents bounds the copies of what roles name by `source:`, in bytes.
const maxContents = 16 << 30

// openContents opens the copies of what roles name.
func (a *Appliance) openContents() (err error) {
	a.contents, err = content.Open(filepath.Join(a.cfg.State, "content"), catalog.MaxContent, maxContents, a.Clock)
	if err == nil {
		a.catalogs = catalogs.New(a.urls.URL, a.contents.Retain, a.facts)
	}
	return err
}

// Catalog returns the catalog for a host's agent. With an error, it returns the last one that
// could be made, or nil.
func (a *Appliance) Catalog(h *inventory.Host) (*catalogs.Made, error) {
	secret := a.secrets.Get
	if a.web != nil {
		secret = a.web.Noting(h.Name, secret) // an agent's report may contain what it writes
	}
	return a.catalogs.Of(h, secret)
}

// factsOf returns what a host's agent said of the host last; nil for nothing.
func (a *Appliance) factsOf(host string) map[string]any {
	facts, _ := a.facts.Of(host)
	return facts
}

// Given records the catalog that the agent of a host has now.
func (a *Appliance) Given(host string, m *catalogs.Made) { a.catalogs.Given(host, m) }

// Last returns the catalog that the agent got last; nil for none.
func (a *Appliance) Last(host string) *catalogs.Made { return a.catalogs.Last(host) }

// Readable returns the last catalog that an agent of an older format can be given; nil for
// none.
func (a *Appliance) Readable(host string, format int) *catalogs.Made {
	return a.catalogs.Readable(host, format)
}

// Content opens a content by its SHA-256.
func (a *Appliance) Content(sum string) (*os.File, error) { return a.contents.Open(sum) }
