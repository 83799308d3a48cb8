package preview

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"unicode/utf8"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
	"rackhand/provision/content"
	"rackhand/templates"
)

// maxText is the largest source for agents of the first catalog format, in bytes; as large as
// a template.
const maxText = 1 << 20

// Roles make catalogs: they are the roles of an inventory with the templates and files that
// they name, all as they were when the inventory was checked. They are safe for concurrent
// use.
type Roles struct {
	// Problems are those of roles alone.
	Problems  inventory.Problems
	snapshot  *inventory.Snapshot
	hosts     role.HostList
	set       *role.Set
	broken    map[string]bool // by Host.Role
	templates *templates.Set
	store     *content.Store // nil: contents are hashed and not kept

	mu      sync.Mutex
	sources map[string]*source
	// located are the places of parts of values that were looked up, searched is the text
	// that was parsed for them, in bytes.
	located  map[string]problem.Place
	searched int
}

type source struct {
	once sync.Once
	role.Source
	err error
}

func newRoles(dir string, snap *inventory.Snapshot, set *role.Set, store *content.Store) *Roles {
	return &Roles{
		snapshot: snap, hosts: role.HostsOf(snap), set: set, broken: map[string]bool{}, templates: templates.New(filepath.Join(dir, "templates")).Frozen(),
		store: store, sources: map[string]*source{}, located: map[string]problem.Place{},
	}
}

// Broken reports whether a role of a host has problems, or all of them together for any host.
func (r *Roles) Broken(h *inventory.Host) bool { return r.broken[h.Role()] || r.unusable(h) }

// unusable reports whether a role of a host has problems that hosts have no part in.
func (r *Roles) unusable(h *inventory.Host) bool { return slices.ContainsFunc(h.Roles, r.set.Broken) }

// Compile makes the catalog and checks of a host with roles; url is where the host
// reaches the appliance, and facts are the host's, nil when they are not known.
func (r *Roles) Compile(h *inventory.Host, url string, secret func(string) (string, error), facts map[string]any) (*role.Compiled, error) {
	compiled, err := r.set.Compile(h.Roles, r.input(h, url, secret, facts))
	if err == nil && len(h.Maintenance.Windows) > 0 {
		compiled.Catalog, err = compiled.Catalog.With(&catalog.Maintenance{Windows: h.Maintenance.Windows, Zone: h.Maintenance.Zone})
	}
	return compiled, err
}

// input is what the roles of a host are compiled with.
func (r *Roles) input(h *inventory.Host, url string, secret func(string) (string, error), facts map[string]any) role.Input {
	return role.Input{
		Host: h, Appliance: url, Source: r.source, Secret: secret, Facts: facts,
		Render: func(name string, data any, secret func(string) (string, error)) (string, error) {
			return r.templates.Render(name, data, templates.Funcs(h, secret))
		},
		Origins: func(variable string) []inventory.Origin {
			origins, _ := inventory.Explain(r.snapshot, h.Name, "variables."+variable) // the host is one of the snapshot
			return origins
		},
		Hosts: r.hosts, Files: files{r},
	}
}

// Contents are the SHA-256 of the contents that these roles have in the store.
func (r *Roles) Contents() (sums []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sources {
		if s.SHA256 != "" {
			sums = append(sums, s.SHA256)
		}
	}
	return sums
}

// SourceSum is the SHA-256 of the file in templates/ that these roles have in the store; ""
// when they have none of that name.
func (r *Roles) SourceSum(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sources[name]; s != nil {
		return s.SHA256
	}
	return ""
}

// source reads a file once, when it is first named.
func (r *Roles) source(name string) (role.Source, error) {
	r.mu.Lock()
	s := r.sources[name]
	if s == nil {
		s = &source{}
		r.sources[name] = s
	}
	r.mu.Unlock()
	s.once.Do(func() {
		got, err := r.read(name)
		r.mu.Lock()
		s.Source, s.err = got, err
		r.mu.Unlock()
	})
	return s.Source, s.err
}

func (r *Roles) read(name string) (out role.Source, err error) {
	f, err := r.templates.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		out.Text, err = r.templates.Read(name) // a built-in one, or the error that names both
		return out, err
	}
	if err != nil {
		return out, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err != nil {
		return out, fmt.Errorf("template %s: %w", name, err)
	}
	if len(b) <= maxText && utf8.Valid(b) {
		out.Text = string(b)
		return out, nil
	}
	var c content.Content
	if _, err = f.Seek(0, io.SeekStart); err == nil {
		if r.store == nil {
			c, err = content.Sum(f, catalog.MaxContent)
		} else {
			c, err = r.store.Add(f)
		}
	}
	if err != nil {
		return out, fmt.Errorf("template %s: %w", name, err)
	}
	return role.Source{SHA256: c.SHA256, Size: c.Size}, nil
}
