package role

import (
	"fmt"
	"slices"

	"rackhand/config/problem"
	"rackhand/inventory/role/expression"
	"rackhand/provision/catalog"
)

const forFacts = "the facts of the host"

// waitsFor notes what of a role waits, and for what.
func (c *compiler) waitsFor(what string, at problem.Place, s *scope, forWhat string) {
	c.waiting = append(c.waiting, fmt.Sprintf("%s (%s)%s waits for %s", what, at, s.via(), forWhat))
}

// wait makes a node of a resource that waits for facts, so that those that need it wait, too.
// Its fields are used as far as they are known; its problems are found with the facts.
func (c *compiler) wait(s *scope, d *declaration, step item) *node {
	before := c.problems
	f := c.fields(s, d.fields, d.specs)
	f.loop, f.item, f.outline = d.loop, step, true
	name, ok := f.scalar(d.kind.Name, titleSpec(d.kind), d.title)
	if !ok {
		c.problems, c.unknown = before, true
		c.waitsFor(d.kind.Name+" "+d.title.text, d.at, s, forFacts)
		return nil
	}
	if d.kind.Clean != nil {
		name = d.kind.Clean(name)
	}
	n := &node{Resource: d.kind.Resource(name, values{f}), decl: d, scope: s, item: step, waits: forFacts}
	n.notify, n.require, n.before = cleaned(f.list("notify")), cleaned(f.list("require")), cleaned(f.list("before"))
	c.problems = before
	return n
}

// missing decides about a target that isn't declared: it may be one of those that wait. A
// resource that waits itself may need no target in the end.
func (c *compiler) missing(n *node, field string, t target) bool {
	if n.waits != "" {
		return true
	}
	if c.unknown && field != "before" {
		n.waits = t.id
	}
	return c.unknown
}

// notDeclared notes a resource whose condition is false, if its title tells its id.
func (c *compiler) notDeclared(d *declaration) {
	if !d.title.static() {
		return
	}
	name := literal(d.title)
	if d.kind.Clean != nil {
		name = d.kind.Clean(name)
	}
	c.untrue[catalog.ID(d.kind.Name, name)] = d.when.place(&expression.Mistake{Line: 1, Column: 1})
}

// spread makes resources wait that require, or notify, one that waits. A lost notification
// would be worse than a later one.
func (c *compiler) spread() {
	var todo []int
	needed := map[int][]int{} // resource -> those that need it
	for i, n := range c.nodes {
		if n.waits != "" {
			todo = append(todo, i)
		}
	}
	if len(todo) == 0 {
		return
	}
	for i, n := range c.nodes {
		for _, id := range slices.Concat(n.Require, n.Notify) {
			if at, ok := c.index[id]; ok {
				needed[at] = append(needed[at], i)
			}
		}
	}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, i := range needed[at] {
			if c.nodes[i].waits == "" {
				c.nodes[i].waits = c.nodes[at].ID
				todo = append(todo, i)
			}
		}
	}
	for _, n := range c.nodes {
		if n.waits != "" {
			c.waitsFor(n.ID, n.decl.at, n.scope, n.waits)
		}
	}
}
