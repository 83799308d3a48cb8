package catalogs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
)

// maxMemory bounds the memory of all kept catalogs, in bytes. The catalog that was requested
// longest ago is dropped first; the next request makes it again.
const maxMemory = 256 << 20

// atOnce is how many catalogs are made at once. Each may take several times its size then.
const atOnce = 4

// Roles are those of one version of the inventory, with what they name, immutable.
type Roles interface {
	// Compile makes a host's catalog with the secrets that secret gives, and the host's facts;
	// nil: they are not known.
	Compile(h *inventory.Host, url string, secret func(string) (string, error), facts map[string]any) (*role.Compiled, error)
	// Broken reports whether a host's roles have problems.
	Broken(h *inventory.Host) bool
	// Contents are the SHA-256 of what they have in the store of contents.
	Contents() []string
}

// Facts are what agents say of their hosts.
type Facts interface {
	// Sum names the facts of a host; "" for none.
	Sum(host string) string
	// Of returns them with their sum; nil for none.
	Of(host string) (facts map[string]any, sum string)
}

// A version is an inventory with its roles, as they were taken in together.
type version struct {
	snap  *inventory.Snapshot
	roles Roles
}

// Catalogs are those of all hosts. Make them with New.
type Catalogs struct {
	url    string
	retain func(contents map[string]bool) error
	facts  Facts
	most   int // bytes, of all catalogs together
	// turns bounds how many catalogs are made at once.
	turns chan struct{}

	mu    sync.Mutex
	now   version
	good  map[string]version // by Host.Role: the last one in which these roles had no problems
	hosts map[string]*slot
	turn  uint64
	putAt uint64 // the turn of the last Put
}

// A slot is the memory of one host. Its lock is held while a catalog is made.
type slot struct {
	mu      sync.Mutex
	made    *Made
	from    version           // what it was made of
	secrets map[string]string // and with which secrets
	facts   string            // and with which facts
	given   *Made             // the catalog that the agent has
	// readable is the last one that agents of an older format can be given, by format.
	readable map[int]*Made
	// failed is why the last one couldn't be made, and of what: it isn't tried again with the
	// same. A host could keep the appliance compiling by its facts otherwise.
	failed *failure

	used uint64 // under the lock of all
	size int
}

// A failure to make a catalog.
type failure struct {
	from    version
	role    string
	secrets map[string]string
	facts   string
	err     error
}

// New makes Catalogs for an appliance that hosts reach at url. Each Put calls retain with the
// SHA-256 of all contents that are still named. facts may be nil.
func New(url string, retain func(contents map[string]bool) error, facts Facts) *Catalogs {
	return &Catalogs{url: url, retain: retain, facts: facts, most: maxMemory, turns: make(chan struct{}, atOnce), good: map[string]version{}, hosts: map[string]*slot{}}
}

// Put takes in a version of the inventory. Hosts with a role that is broken in it keep the
// last version in which all of their roles were good.
func (c *Catalogs) Put(snap *inventory.Snapshot, roles Roles) error {
	c.mu.Lock()
	c.now = version{snap, roles}
	used := map[string]bool{}
	for _, h := range snap.Hosts {
		used[h.Role()] = true
		if !roles.Broken(h) {
			c.good[h.Role()] = c.now
		}
	}
	maps.DeleteFunc(c.good, func(roles string, _ version) bool { return !used[roles] })
	maps.DeleteFunc(c.hosts, func(host string, _ *slot) bool { return snap.Hosts[host] == nil })
	keep := map[string]bool{}
	name := func(v version) {
		for _, sum := range v.roles.Contents() {
			keep[sum] = true
		}
	}
	name(c.now)
	for _, v := range c.good {
		name(v)
	}
	// An agent at work may still fetch contents of its catalog. One that has been away since
	// the last Put asks for a new catalog first.
	var slots []*slot
	for _, s := range c.hosts {
		if s.used > c.putAt {
			slots = append(slots, s)
		}
	}
	c.putAt = c.turn
	c.mu.Unlock()
	for _, s := range slots {
		s.mu.Lock()
		for m := range s.all() {
			for sum := range m.files {
				keep[sum] = true
			}
		}
		s.mu.Unlock()
	}
	return c.retain(keep)
}

// of is the version of the inventory whose catalog a host has, and the host in it.
func (c *Catalogs) of(h *inventory.Host) (version, *inventory.Host, *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.now
	if v.roles != nil && v.roles.Broken(h) {
		if good, ok := c.good[h.Role()]; ok {
			v = good
		}
	}
	if v.snap != nil {
		if there := v.snap.Hosts[h.Name]; there != nil && slices.Equal(there.Roles, h.Roles) {
			h = there
		}
	}
	s := c.hosts[h.Name]
	if s == nil {
		s = &slot{readable: map[int]*Made{}}
		c.hosts[h.Name] = s
	}
	c.turn++
	s.used = c.turn
	return v, h, s
}

// Of returns the catalog of a host. It makes a new one when the inventory, the host's
// facts or one of its secrets has changed. When that fails, it returns the error and the last catalog of
// the host, if there is one.
func (c *Catalogs) Of(h *inventory.Host, secret func(string) (string, error)) (*Made, error) {
	v, h, s := c.of(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made != nil && s.from == v && s.made.Catalog.Role == h.Role() && s.facts == c.sumOf(h.Name) && same(s.secrets, secret) {
		return s.made, nil
	}
	facts, sum := c.factsOf(h.Name)
	m, asked, err := c.tried(s, v, h, secret, facts, sum)
	if err != nil {
		if s.made != nil && s.made.Catalog.Role == h.Role() {
			return s.made, err
		}
		return nil, err
	}
	s.made, s.from, s.secrets, s.facts = m, v, asked, sum
	for _, format := range []int{1, catalog.Format2} {
		if m.TooMuch(format) == "" {
			s.readable[format] = m
		}
	}
	if s.memory() > c.most {
		clear(s.readable)
	}
	c.bound(s, s.memory())
	return m, nil
}

// tried makes a catalog, unless that has failed before with the same. The caller holds the lock
// of s.
func (c *Catalogs) tried(s *slot, v version, h *inventory.Host, secret func(string) (string, error), facts map[string]any, sum string) (*Made, map[string]string, error) {
	if f := s.failed; f != nil && f.from == v && f.role == h.Role() && f.facts == sum && same(f.secrets, secret) {
		return nil, nil, f.err
	}
	m, asked, err := c.make(v, h, secret, facts)
	s.failed = nil
	if err != nil && asked != nil {
		s.failed = &failure{v, h.Role(), asked, sum, err}
	}
	return m, asked, err
}

// all are the catalogs that a slot holds.
func (s *slot) all() map[*Made]bool {
	all := map[*Made]bool{s.made: true, s.given: true}
	for _, m := range s.readable {
		all[m] = true
	}
	delete(all, nil)
	return all
}

// memory is that of all catalogs of a slot, roughly, in bytes.
func (s *slot) memory() (bytes int) {
	for m := range s.all() {
		bytes += m.size
	}
	return bytes
}

// make makes a catalog. asked are the secrets that it was made with, or with which it failed;
// nil if it fails for another reason than the inventory, the facts and these secrets.
func (c *Catalogs) make(v version, h *inventory.Host, secret func(string) (string, error), facts map[string]any) (made *Made, asked map[string]string, err error) {
	asked = map[string]string{}
	if len(h.Roles) == 0 {
		number, err := catalog.Version(nil)
		if err != nil {
			return nil, nil, err
		}
		m, err := Make(&role.Compiled{Catalog: catalog.Catalog{Host: h.Name, Version: number}})
		return m, asked, err
	}
	if v.roles == nil {
		return nil, nil, errors.New("no inventory has been loaded yet")
	}
	c.turns <- struct{}{}
	defer func() { <-c.turns }()
	known := true
	compiled, err := v.roles.Compile(h, c.url, func(name string) (string, error) {
		value, err := secret(name)
		if err == nil {
			asked[name] = value
		}
		known = known && err == nil
		return value, err
	}, facts)
	switch {
	case err != nil && known:
		return nil, asked, err
	case err != nil:
		return nil, nil, err
	}
	m, err := Make(compiled)
	if err != nil {
		return nil, asked, fmt.Errorf("host %s: %w", h.Name, err)
	}
	return m, asked, nil
}

func (c *Catalogs) sumOf(host string) string {
	if c.facts == nil {
		return ""
	}
	return c.facts.Sum(host)
}

func (c *Catalogs) factsOf(host string) (map[string]any, string) {
	if c.facts == nil {
		return nil, ""
	}
	return c.facts.Of(host)
}

// same reports whether secrets are unchanged.
func same(were map[string]string, secret func(string) (string, error)) bool {
	for name, value := range were {
		if now, err := secret(name); err != nil || now != value {
			return false
		}
	}
	return true
}

// bound drops the catalogs that were requested longest ago until the rest fits. The caller
// holds the lock of s.
func (c *Catalogs) bound(s *slot, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.size = size
	for {
		all := 0
		var oldest *slot
		host := ""
		for name, x := range c.hosts {
			all += x.size
			if x != s && x.size > 0 && (oldest == nil || x.used < oldest.used) {
				oldest, host = x, name
			}
		}
		if all <= c.most || oldest == nil {
			return
		}
		delete(c.hosts, host) // a request that uses it now still has it
	}
}

// Given notes the catalog that the agent of a host has now. Until it gets another one, it may
// fetch the contents that this one names.
func (c *Catalogs) Given(host string, m *Made) {
	if s := c.slot(host); s != nil {
		s.mu.Lock()
		s.given = m
		s.mu.Unlock()
	}
}

// Last returns the catalog that the agent of a host got last; nil for none.
func (c *Catalogs) Last(host string) *Made {
	s := c.slot(host)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given
}

// Readable returns the last catalog of a host that agents of an older format can be given;
// nil for none.
func (c *Catalogs) Readable(host string, format int) *Made {
	s := c.slot(host)
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readable[format]
}

func (c *Catalogs) slot(host string) *slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hosts[host]
}
