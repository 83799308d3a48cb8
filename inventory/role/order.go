package role

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/provision/catalog"
)

// link resolves notify and require and adds the implied edges:
// parent directory -> file, package -> its configuration and service, package ->
// every file and service written later.
func (c *compiler) link() {
	known := slices.Sorted(maps.Keys(c.index))
	for i, n := range c.nodes {
		for _, t := range n.require {
			if at, ok := c.target(n, "require", t, known); ok {
				n.before[at] = true
				n.Require = append(n.Require, t.id)
			}
		}
		for _, t := range n.notify {
			at, ok := c.target(n, "notify", t, known)
			if !ok {
				continue
			}
			if c.nodes[at].Service == nil {
				c.addf(t.at, "notify the service that reads it", "notify: %s is no service", t.id)
				continue
			}
			c.nodes[at].before[i] = true
			n.Notify = append(n.Notify, t.id)
		}
	}
	if c.problems.Len() > 0 {
		return
	}
	for i, n := range c.nodes {
		if n.Package != nil {
			c.linkPackage(i)
		}
		if n.File != nil {
			c.linkFile(i)
		}
	}
	for _, n := range c.nodes {
		n.Require, n.Notify = unique(n.Require), unique(n.Notify)
	}
}

func unique(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (c *compiler) target(n *node, field string, t target, known []string) (int, bool) {
	at, ok := c.index[t.id]
	switch {
	case !ok:
		hint := problem.Nearest(t.id, known)
		if hint != "" {
			hint = fmt.Sprintf("did you mean %q?", hint)
		} else {
			hint = "declare it in this role"
		}
		c.addf(t.at, hint, "%s: there is no %s", field, t.id)
	case c.nodes[at] == n:
		c.addf(t.at, "remove it", "%s: %s names itself", field, t.id)
		return 0, false
	}
	return at, ok
}

// linkPackage puts a package before what is written later, and lets what is its
// own by name require it. An explicit require the other way round wins.
func (c *compiler) linkPackage(i int) {
	pkg := c.nodes[i].Package
	for j := i + 1; j < len(c.nodes); j++ {
		n := c.nodes[j]
		if n.Package != nil || c.reaches(j, i) {
			continue
		}
		n.before[i] = true
		if pkg.Ensure != catalog.Absent && owns(pkg.Name, n) {
			n.Require = append(n.Require, c.nodes[i].ID)
		}
	}
}

// owns reports whether a file or service is a package's own, going by names:
// service[nginx], /etc/nginx/..., /etc/nginx.conf.
func owns(pkg string, n *node) bool {
	pkg, _, _ = strings.Cut(pkg, ":")
	if n.Service != nil {
		return strings.TrimSuffix(n.Service.Name, ".service") == pkg
	}
	if n.File.Ensure == catalog.Absent {
		return false
	}
	for _, element := range strings.Split(n.File.Path, "/") {
		if element == pkg || strings.TrimSuffix(element, path.Ext(element)) == pkg {
			return true
		}
	}
	return false
}

// linkFile lets a file require the nearest directory above it that is declared.
func (c *compiler) linkFile(i int) {
	file := c.nodes[i].File
	for dir := path.Dir(file.Path); dir != "/"; dir = path.Dir(dir) {
		at, ok := c.index[catalog.ID(catalog.KindFile, dir)]
		if !ok {
			continue
		}
		parent := c.nodes[at]
		switch {
		case file.Ensure == catalog.Absent && parent.File.Ensure == catalog.Absent:
			// What is in a directory goes before the directory.
			if !c.reaches(i, at) {
				parent.before[i] = true
			}
		case file.Ensure == catalog.Absent:
		case parent.File.Ensure != catalog.Directory:
			c.addf(c.nodes[i].decl.at, "make it ensure: directory", "%s lies in %s, which is ensure: %s at %s", file.Path, dir, parent.File.Ensure, parent.decl.at)
		case !c.reaches(i, at):
			c.nodes[i].before[at] = true
			c.nodes[i].Require = append(c.nodes[i].Require, parent.ID)
		}
		return
	}
}

// reaches reports whether from has to come before to already.
func (c *compiler) reaches(from, to int) bool {
	seen := map[int]bool{}
	var visit func(i int) bool
	visit = func(i int) bool {
		if i == from {
			return true
		}
		seen[i] = true
		for b := range c.nodes[i].before {
			if !seen[b] && visit(b) {
				return true
			}
		}
		return false
	}
	return visit(to)
}

// sort puts the nodes in order: always the first written of those whose
// predecessors are done. What is left over is a cycle.
func (c *compiler) sort() {
	done := make([]bool, len(c.nodes))
	for len(c.order) < len(c.nodes) {
		next := -1
		for i, n := range c.nodes {
			if !done[i] && c.ready(n, done) {
				next = i
				break
			}
		}
		if next < 0 {
			c.cycle(done)
			return
		}
		done[next] = true
		c.order = append(c.order, next)
	}
}

func (c *compiler) ready(n *node, done []bool) bool {
	for b := range n.before {
		if !done[b] {
			return false
		}
	}
	return true
}

// cycle reports one cycle among the nodes that are left, naming each member.
func (c *compiler) cycle(done []bool) {
	at := slices.Index(done, false)
	seen := map[int]int{} // node -> place in path
	var way []int
	for {
		if start, ok := seen[at]; ok {
			way = way[start:]
			break
		}
		seen[at] = len(way)
		way = append(way, at)
		for _, b := range slices.Sorted(maps.Keys(c.nodes[at].before)) {
			if !done[b] {
				at = b
				break
			}
		}
	}
	slices.Reverse(way) // from what comes first to what comes last
	first := slices.Index(way, slices.Min(way))
	way = append(way[first:], way[:first]...)
	var members []string
	for _, i := range way {
		members = append(members, fmt.Sprintf("%s (%s)", c.nodes[i].ID, c.nodes[i].decl.at))
	}
	members = append(members, c.nodes[way[0]].ID)
	c.addf(c.nodes[way[0]].decl.at, "remove one require or notify of them", "these wait for each other: %s", strings.Join(members, " → "))
}
