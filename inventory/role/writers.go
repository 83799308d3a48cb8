package role

import (
	"path"

	"rackhand/provision/catalog"
)

// oneWriter reports files that one resource writes whole and another one writes too. Those that
// wait may be under opposite conditions.
func (c *compiler) oneWriter() {
	owners := map[string]*node{}
	for _, n := range c.nodes {
		if n.Edits() || n.waits != "" || n.File != nil && (n.File.Ensure == catalog.Directory || n.File.Keep) {
			continue
		}
		for _, name := range n.Paths() {
			if first := owners[name]; first != nil {
				c.addf(n.decl.at, "keep one of them", "%s and %s (at %s) both write %s", n.ID, first.ID, first.decl.at, name)
				continue
			}
			owners[name] = n
		}
	}
	for _, n := range c.nodes {
		if !n.Edits() || n.waits != "" {
			continue
		}
		for _, name := range n.Paths() {
			if first := owners[name]; first != nil {
				c.addf(n.decl.at, "put it into that content, or remove that resource", "%s changes a part of %s, and %s (at %s) sets the whole of it", n.ID, name, first.ID, first.decl.at)
			}
		}
	}
}

// oneSetting reports settings that two resources bring to different values: each run would
// change both.
func (c *compiler) oneSetting() {
	type setting struct {
		n  *node
		to string
	}
	first := map[string]setting{}
	for _, n := range c.nodes {
		what, to := n.Sets()
		if what == "" || n.waits != "" {
			continue
		}
		f, twice := first[what]
		if twice && f.to != to {
			c.addf(n.decl.at, "keep one of them, or make them the same", "%s and %s (at %s) set %.200s differently", n.ID, f.n.ID, f.n.decl.at, what)
		}
		if !twice {
			first[what] = setting{n, to}
		}
	}
}

// linkWriter lets a resource that writes a file, and is no file, require the nearest folder
// above it that is declared.
func (c *compiler) linkWriter(i int) {
	n := c.nodes[i]
	if n.File != nil {
		return
	}
	for _, name := range n.Paths() {
		c.linkFolder(i, name)
	}
}

// linkFolder lets a resource require the nearest folder above a file that is declared.
func (c *compiler) linkFolder(i int, name string) {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if at, ok := c.index[catalog.ID(catalog.KindFile, dir)]; ok {
			if e := c.nodes[at].File.Ensure; e == catalog.Directory || e == catalog.Link {
				c.linkBehind(i, c.nodes[at].ID)
			}
			return
		}
	}
}

// linkBehind lets a resource require another one if that is declared and doesn't wait for it.
func (c *compiler) linkBehind(i int, id string) {
	at, ok := c.index[id]
	if !ok || at == i || c.graph.reaches(i, at) {
		return
	}
	c.graph.add(at, i)
	c.nodes[i].Require = append(c.nodes[i].Require, id)
}
