package role

import (
	"path"

	"rackhand/provision/catalog"
)

// written is the path of the file that a resource writes, "" if it writes none.
func written(r *catalog.Resource) (name string, whole bool) {
	_, spec := r.Kind()
	if w, ok := spec.(catalog.Writer); ok {
		return w.Writes()
	}
	return "", false
}

// oneWriter reports files that one resource writes whole and another one writes too. Those that
// wait may be under opposite conditions.
func (c *compiler) oneWriter() {
	owners := map[string]*node{}
	for _, n := range c.nodes {
		name, whole := written(&n.Resource)
		if !whole || n.waits != "" {
			continue
		}
		if first := owners[name]; first != nil {
			c.addf(n.decl.at, "keep one of them", "%s and %s (at %s) both write %s", n.ID, first.ID, first.decl.at, name)
			continue
		}
		owners[name] = n
	}
	for _, n := range c.nodes {
		name, whole := written(&n.Resource)
		if first := owners[name]; !whole && name != "" && n.waits == "" && first != nil {
			c.addf(n.decl.at, "put it into that content, or remove that resource", "%s changes a part of %s, and %s (at %s) sets the whole of it", n.ID, name, first.ID, first.decl.at)
		}
	}
}

// linkWriter lets a resource that writes a file, and is no file, require the nearest folder
// above it that is declared.
func (c *compiler) linkWriter(i int) {
	n := c.nodes[i]
	name, _ := written(&n.Resource)
	if n.File != nil || name == "" {
		return
	}
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		if at, ok := c.index[catalog.ID(catalog.KindFile, dir)]; ok {
			if c.nodes[at].File.Ensure == catalog.Directory {
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
