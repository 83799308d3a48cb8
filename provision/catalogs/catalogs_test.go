package catalogs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
)

// roles are those of a test: each host's file says which version made it.
type roles struct {
	version  string
	broken   map[string]bool
	contents []string
	compiled *atomic.Int32
	fails    map[string]bool // for hosts
	size     int
}

func (r *roles) Compile(h *inventory.Host, url string, secret func(string) (string, error), facts map[string]any) (*role.Compiled, error) {
	r.compiled.Add(1)
	if r.fails[h.Name] || r.Broken(h) {
		return nil, errors.New("it is broken")
	}
	value, err := secret("one")
	if err != nil {
		return nil, err
	}
	if facts["fails"] != nil {
		return nil, errors.New("it can't be made of such facts")
	}
	if id, ok := facts["id"].(string); ok {
		value += id
	}
	c := catalog.Catalog{Host: h.Name, Role: h.Role(), Version: r.version + value, Resources: []catalog.Resource{
		{ID: "file[/a]", File: &catalog.File{Path: "/a", Ensure: catalog.FileKind, Content: r.version + strings.Repeat("x", r.size)}},
		{ID: "file[/s]", File: &catalog.File{Path: "/s", Ensure: catalog.FileKind, Content: value, Sensitive: true}},
	}}
	for i, sum := range r.contents {
		path := fmt.Sprintf("/c%d", i)
		c.Resources = append(c.Resources, catalog.Resource{ID: "file[" + path + "]", File: &catalog.File{Path: path, Ensure: catalog.FileKind, SHA256: sum, Size: 1}})
	}
	return &role.Compiled{Catalog: c}, nil
}

func (r *roles) Broken(h *inventory.Host) bool {
	return slices.ContainsFunc(h.Roles, func(name string) bool { return r.broken[name] })
}
func (r *roles) Contents() []string { return r.contents }

func hosts(n int) *inventory.Snapshot {
	s := &inventory.Snapshot{Hosts: map[string]*inventory.Host{}}
	for i := range n {
		name := fmt.Sprintf("h%d", i)
		s.Hosts[name] = &inventory.Host{Name: name, Roles: []string{[]string{"web", "db"}[i%2]}}
	}
	return s
}

// TestCompiledOnce: a catalog is compiled once for each host and version, however often and
// by however many at a time it is asked for, and again when a secret in it changes.
func TestCompiledOnce(t *testing.T) {
	var n atomic.Int32
	c := New("", func(map[string]bool) error { return nil }, nil)
	value := "s3cret"
	secret := func(string) (string, error) { return value, nil }
	snap := hosts(20)
	if m, err := c.Of(snap.Hosts["h0"], secret); err == nil {
		t.Errorf("before there is an inventory: %+v", m)
	}
	ask := func(want int32) {
		t.Helper()
		n.Store(0)
		var all sync.WaitGroup
		for range 10 {
			for _, h := range snap.Hosts {
				all.Go(func() {
					if m, err := c.Of(h, secret); err != nil || m.Catalog.Host != h.Name || m.Sensitive("/s").Content != value {
						t.Errorf("%+v, %v", m, err)
					}
				})
			}
		}
		all.Wait()
		if got := n.Load(); got != want {
			t.Errorf("%d compilations, want %d", got, want)
		}
	}
	put := func(r *roles) {
		t.Helper()
		r.compiled = &n
		if err := c.Put(snap, r); err != nil {
			t.Fatal(err)
		}
	}
	put(&roles{version: "1"})
	ask(20)
	ask(0)
	before, _ := c.Of(snap.Hosts["h0"], secret)
	value = "another"
	ask(20)
	if after, _ := c.Of(snap.Hosts["h0"], secret); after.Version != before.Version || after.Catalog.Version == before.Catalog.Version {
		t.Error("a changed secret has another version in the first format, and no other in the second")
	}
	put(&roles{version: "2"})
	ask(20)
	ask(0)
	if m, err := c.Of(&inventory.Host{Name: "h0"}, secret); err != nil || len(m.Catalog.Resources) != 0 {
		t.Errorf("a host without a role: %+v, %v", m, err)
	}
}

// TestBrokenRole: a role that is broken leaves its hosts with its last good version, and the
// others with the newest; contents stay as long as anything names them.
func TestBrokenRole(t *testing.T) {
	var n atomic.Int32
	kept := map[string]bool{}
	c := New("", func(named map[string]bool) error { kept = named; return nil }, nil)
	secret := func(string) (string, error) { return "x", nil }
	snap := hosts(4)
	put := func(r *roles) {
		t.Helper()
		r.compiled = &n
		if err := c.Put(snap, r); err != nil {
			t.Fatal(err)
		}
	}
	has := func(host, want string) {
		t.Helper()
		m, err := c.Of(snap.Hosts[host], secret)
		if m == nil || m.Catalog.Version != want+"x" {
			t.Errorf("%s has %+v, %v; want that of %s", host, m, err, want)
		}
	}
	a, b := catalog.Sum("a"), catalog.Sum("b")
	put(&roles{version: "1", contents: []string{a}})
	has("h0", "1")
	snap = hosts(6) // and others are added
	put(&roles{version: "2", contents: []string{b}, broken: map[string]bool{"web": true}})
	has("h0", "1")
	has("h2", "1") // for the first time
	has("h4", "1") // a new one
	has("h1", "2")
	if !kept[a] || !kept[b] {
		t.Errorf("kept are %v", kept)
	}
	put(&roles{version: "3", contents: []string{b}, broken: map[string]bool{"web": true, "db": true}})
	has("h0", "1")
	has("h1", "2")
	put(&roles{version: "4", contents: []string{b}})
	for _, h := range []string{"h0", "h1", "h2"} {
		has(h, "4")
	}
	put(&roles{version: "4", contents: []string{b}})
	put(&roles{version: "4", contents: []string{b}})
	if kept[a] || !kept[b] {
		t.Errorf("kept are %v", kept)
	}
	// A fault that only the real secrets cause is reported, and the host keeps its catalog.
	put(&roles{version: "5", fails: map[string]bool{"h0": true}})
	if m, err := c.Of(snap.Hosts["h0"], secret); err == nil || m == nil || m.Catalog.Version != "4x" {
		t.Errorf("%+v, %v", m, err)
	}
	has("h1", "5")
	first := New("", func(map[string]bool) error { return nil }, nil)
	if err := first.Put(snap, &roles{compiled: &n, broken: map[string]bool{"web": true}}); err != nil {
		t.Fatal(err)
	}
	if m, err := first.Of(snap.Hosts["h0"], secret); m != nil || err == nil {
		t.Errorf("broken from the start: %+v", m)
	}
}

// TestBrokenOfSeveral: a host with a role that is broken keeps the last version in which all of
// its roles were good; hosts with the others of its roles go on.
func TestBrokenOfSeveral(t *testing.T) {
	var n atomic.Int32
	c := New("", func(map[string]bool) error { return nil }, nil)
	secret := func(string) (string, error) { return "x", nil }
	snap := &inventory.Snapshot{Hosts: map[string]*inventory.Host{}}
	for name, roles := range map[string]string{"both": "base web", "base": "base", "web": "web", "swapped": "web base"} {
		snap.Hosts[name] = &inventory.Host{Name: name, Roles: strings.Fields(roles)}
	}
	step := func(version string, broken string, want map[string]string) {
		t.Helper()
		if err := c.Put(snap, &roles{version: version, compiled: &n, broken: map[string]bool{broken: true}}); err != nil {
			t.Fatal(err)
		}
		for host, want := range want {
			m, err := c.Of(snap.Hosts[host], secret)
			if m == nil || m.Catalog.Version != want+"x" || m.Catalog.Role != snap.Hosts[host].Role() {
				t.Errorf("version %s: %s has %+v, %v; want that of %s", version, host, m, err, want)
			}
		}
	}
	step("1", "", map[string]string{"both": "1", "base": "1", "web": "1", "swapped": "1"})
	step("2", "web", map[string]string{"both": "1", "base": "2", "web": "1", "swapped": "1"})
	step("3", "base", map[string]string{"both": "1", "base": "2", "web": "3", "swapped": "1"})
	step("4", "", map[string]string{"both": "4", "base": "4", "web": "4", "swapped": "4"})
	// Another list of roles is another catalog, even if nothing else changed.
	one := *snap.Hosts["both"]
	one.Roles = []string{"base"}
	if m, err := c.Of(&one, secret); err != nil || m.Catalog.Role != "base" {
		t.Errorf("%+v, %v", m, err)
	}
}

// claims are the facts of a test.
type claims map[string]map[string]any

func (c claims) Sum(host string) string {
	if c[host] == nil {
		return ""
	}
	return fmt.Sprint(c[host])
}

func (c claims) Of(host string) (map[string]any, string) { return c[host], c.Sum(host) }

// TestFacts: changed facts make another catalog, of their host alone. While none can be made of
// them, the one of before stays.
func TestFacts(t *testing.T) {
	var n atomic.Int32
	facts := claims{}
	c := New("", func(map[string]bool) error { return nil }, facts)
	secret := func(string) (string, error) { return "x", nil }
	snap := hosts(2)
	if err := c.Put(snap, &roles{version: "1", compiled: &n}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		facts    map[string]any
		want     string
		compiled int32
		fails    bool
	}{
		{nil, "1x", 2, false},
		{nil, "1x", 0, false},
		{map[string]any{"id": "debian"}, "1xdebian", 1, false},
		{map[string]any{"id": "debian"}, "1xdebian", 0, false},
		{map[string]any{"fails": true}, "1xdebian", 1, true},
		{map[string]any{"fails": true}, "1xdebian", 0, true}, // not tried again
		{map[string]any{"id": "rocky"}, "1xrocky", 1, false},
		{nil, "1x", 1, false},
	} {
		n.Store(0)
		delete(facts, "h0")
		if step.facts != nil {
			facts["h0"] = step.facts
		}
		m, err := c.Of(snap.Hosts["h0"], secret)
		if m == nil || m.Catalog.Version != step.want || (err != nil) != step.fails {
			t.Errorf("%v: %+v, %v", step.facts, m, err)
		}
		if m, err := c.Of(snap.Hosts["h1"], secret); err != nil || m.Catalog.Version != "1x" {
			t.Errorf("another host, %v: %+v, %v", step.facts, m, err)
		}
		if n.Load() != step.compiled {
			t.Errorf("%v: %d compilations, want %d", step.facts, n.Load(), step.compiled)
		}
	}
}

// TestBoundedMemory: what is kept of catalogs is bounded, and what went is made again.
func TestBoundedMemory(t *testing.T) {
	var n atomic.Int32
	c := New("", func(map[string]bool) error { return nil }, nil)
	secret := func(string) (string, error) { return "x", nil }
	c.most = 1 << 20
	snap := hosts(20)
	if err := c.Put(snap, &roles{compiled: &n, size: 100 << 10}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := c.Of(snap.Hosts[fmt.Sprintf("h%d", i)], secret); err != nil {
			t.Fatal(err)
		}
	}
	n.Store(0)
	for _, host := range []string{"h19", "h0"} {
		if _, err := c.Of(snap.Hosts[host], secret); err != nil {
			t.Fatal(err)
		}
	}
	if n.Load() != 1 {
		t.Errorf("%d compilations of one that was kept and one that wasn't", n.Load())
	}
}

// TestAllVersionsCount: the catalogs that a host's slot keeps for an agent at work and for an
// older agent count as memory, too, and those for older agents go first.
func TestAllVersionsCount(t *testing.T) {
	var n atomic.Int32
	c := New("", func(map[string]bool) error { return nil }, nil)
	secret := func(string) (string, error) { return "x", nil }
	c.most = 250 << 10
	snap := hosts(1)
	h := snap.Hosts["h0"]
	made := func(version string, contents ...string) *Made {
		t.Helper()
		if err := c.Put(snap, &roles{version: version, compiled: &n, size: 100 << 10, contents: contents}); err != nil {
			t.Fatal(err)
		}
		m, err := c.Of(h, secret)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	first := made("1")
	binary := catalog.Sum("\xff")
	second := made("2", binary)
	c.Given(h.Name, second)
	if c.Readable(h.Name, 1) != first || c.Readable(h.Name, catalog.Format2) != second || c.Last(h.Name) != second {
		t.Error("the last catalog for agents of the first format is another")
	}
	third := made("3", binary)
	if c.Readable(h.Name, 1) != nil || c.Last(h.Name) != second {
		t.Error("three catalogs of one host take more than all may")
	}
	if got, err := c.Of(h, secret); got != third || err != nil {
		t.Errorf("the host's catalog is %+v, %v", got, err)
	}
}
