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
	c.oneWriter()
	c.oneSetting()
	c.exclusiveKeys()
	c.graph = newGraph(len(c.nodes))
	for i, n := range c.nodes {
		for _, t := range n.require {
			if at, ok := c.target(n, "require", t); ok {
				c.graph.add(at, i)
				n.Require = append(n.Require, t.id)
			}
		}
		for _, t := range n.before {
			if at, ok := c.target(n, "before", t); ok {
				c.graph.add(i, at)
				c.nodes[at].Require = append(c.nodes[at].Require, n.ID)
			}
		}
		for _, t := range n.notify {
			at, ok := c.target(n, "notify", t)
			if !ok {
				continue
			}
			if !catalog.Refreshes(c.nodes[at].decl.kind.Name) {
				c.addf(t.at, "notify the service that reads it", "notify: %s can't be notified", t.id)
				continue
			}
			c.graph.add(i, at)
			n.Notify = append(n.Notify, t.id)
		}
	}
	if c.problems.Len() > 0 {
		return
	}
	c.linkUsed()
	early, owned := c.earlyNodes(), c.owned()
	c.linkLater(early)
	for i, n := range c.nodes {
		if n.Package != nil {
			c.linkPackage(i, early, owned)
		}
		if n.File != nil {
			c.linkFile(i)
		}
		c.linkWriter(i)
	}
	for _, n := range c.nodes {
		n.Require, n.Notify = unique(n.Require), unique(n.Notify)
	}
}

// linkUsed puts what a resource uses before it: the owner of a file, the groups of a user.
// An explicit require the other way round wins.
func (c *compiler) linkUsed() {
	for i, n := range c.nodes {
		for _, id := range n.Uses() {
			at, ok := c.index[id]
			switch {
			case !ok || at == i:
			case c.nodes[at].Absent():
				if !c.graph.reaches(at, i) {
					c.graph.add(i, at)
				}
			case !n.Absent() && !c.graph.reaches(i, at):
				c.graph.add(at, i)
				n.Require = append(n.Require, id)
			}
		}
	}
}

func unique(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (c *compiler) target(n *node, field string, t target) (int, bool) {
	at, ok := c.index[t.id]
	switch {
	case !ok && c.missing(n, field, t):
		return 0, false
	case !ok:
		hint := problem.Nearest(t.id, slices.Collect(maps.Keys(c.index)))
		if hint != "" {
			hint = fmt.Sprintf("did you mean %q?", hint)
		} else {
			hint = "declare it in this role, or include the role that does"
		}
		if when, is := c.untrue[t.id]; is {
			c.addf(t.at, "give this resource the same condition", "%s: there is no %s for host %s, since its condition at %s is false", field, t.id, c.in.Host.Name, when)
			return 0, false
		}
		c.addf(t.at, hint, "%s: there is no %s", field, t.id)
	case c.nodes[at] == n:
		c.addf(t.at, "remove it", "%s: %s names itself", field, t.id)
		return 0, false
	}
	return at, ok
}

// earlyNodes are the files and services that may have to come before some package: what
// packages require, and what that hangs on. As a rule there are none.
func (c *compiler) earlyNodes() []int {
	g := newGraph(len(c.nodes))
	for i := range c.nodes {
		for _, b := range c.graph.before[i] {
			g.add(b, i)
		}
		if at, ok := c.parent(i); ok {
			if c.nodes[i].File.Ensure == catalog.Absent {
				g.add(i, at)
			} else {
				g.add(at, i)
			}
		}
	}
	g.visit()
	for i, n := range c.nodes {
		if n.Package != nil {
			g.walk(i, g.before)
		}
	}
	var early []int
	for i, n := range c.nodes {
		if n.Package == nil && g.seen(i) {
			early = append(early, i)
		}
	}
	return early
}

// linkLater puts all packages before the files and services that are written later, but for
// those in early. A chain of further nodes, one for each package, stands for "this package
// and all written before it", so that the edges don't grow with packages times files.
func (c *compiler) linkLater(early []int) {
	last := -1
	for i, n := range c.nodes {
		if n.Package != nil {
			link := c.graph.further()
			c.graph.add(i, link)
			if last >= 0 {
				c.graph.add(last, link)
			}
			last = link
			continue
		}
		if _, is := slices.BinarySearch(early, i); !is && last >= 0 {
			c.graph.add(last, i)
		}
	}
}

// linkPackage puts a package before what of early is written later, and lets what is its
// own by name require it. An explicit require the other way round wins.
func (c *compiler) linkPackage(i int, early []int, owned map[string][]int) {
	pkg := c.nodes[i].Package
	c.graph.visit()
	c.graph.walk(i, c.graph.before)
	for _, j := range early {
		if j > i && !c.graph.seen(j) {
			c.graph.add(i, j)
		}
	}
	if pkg.Gone() {
		return
	}
	name, _, _ := strings.Cut(pkg.Name, ":")
	for _, j := range owned[name] {
		if j > i && !c.graph.seen(j) {
			c.nodes[j].Require = append(c.nodes[j].Require, c.nodes[i].ID)
		}
	}
}

// owned lists the files and services that are a package's own, going by names:
// service[nginx], /etc/nginx/..., /etc/nginx.conf.
func (c *compiler) owned() map[string][]int {
	out := map[string][]int{}
	add := func(name string, i int) {
		if list := out[name]; len(list) == 0 || list[len(list)-1] != i {
			out[name] = append(list, i)
		}
	}
	for i, n := range c.nodes {
		switch {
		case n.Service != nil:
			add(strings.TrimSuffix(n.Service.Name, ".service"), i)
		case n.File == nil || n.File.Ensure != catalog.Absent:
			for _, name := range n.Paths() {
				for element := range strings.SplitSeq(name, "/") {
					add(element, i)
					add(strings.TrimSuffix(element, path.Ext(element)), i)
				}
			}
		}
	}
	return out
}

// parent is the nearest directory above a file that is declared; not where one of the two
// alone is to be absent.
func (c *compiler) parent(i int) (at int, ok bool) {
	file := c.nodes[i].File
	if file == nil {
		return 0, false
	}
	for dir := path.Dir(file.Path); dir != "/"; dir = path.Dir(dir) {
		if at, ok := c.index[catalog.ID(catalog.KindFile, dir)]; ok {
			return at, file.Ensure != catalog.Absent || c.nodes[at].File.Ensure == catalog.Absent
		}
	}
	return 0, false
}

// linkFile lets a file require the nearest directory above it that is declared.
func (c *compiler) linkFile(i int) {
	at, ok := c.parent(i)
	if !ok {
		return
	}
	file, parent := c.nodes[i].File, c.nodes[at]
	switch {
	case file.Ensure == catalog.Absent:
		c.graph.add(i, at) // what is in a directory goes before the directory
	case parent.File.Ensure != catalog.Directory && parent.File.Ensure != catalog.Link && parent.waits == "" && c.nodes[i].waits == "":
		c.addf(c.nodes[i].decl.at, "make it ensure: directory", "%s lies in %s, which is ensure: %s at %s", file.Path, parent.File.Path, parent.File.Ensure, parent.decl.at)
	case !c.graph.reaches(i, at):
		c.graph.add(at, i)
		c.nodes[i].Require = append(c.nodes[i].Require, parent.ID)
	}
}

// sort puts the nodes in order: always the first written of those whose predecessors are
// done. What is left over is a cycle. Nodes that wait are left out: those of opposite
// conditions may seem to be in a cycle.
func (c *compiler) sort() {
	var done []bool
	c.order, done = c.graph.sorted(func(i int) bool { return c.nodes[i].waits != "" })
	if slices.Contains(done[:len(c.nodes)], false) {
		c.cycle(done)
	}
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
		for _, b := range slices.Sorted(slices.Values(c.graph.before[at])) {
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
