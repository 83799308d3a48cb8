package role

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/provision/catalog"
)

// An Explanation says where a resource of a host comes from, and why it has its place in the
// order of work.
type Explanation struct {
	// Resource is what the agent gets.
	Resource catalog.Resource
	// Place counts from 1, Of is how many resources the host has.
	Place, Of int
	// Declared is where it is declared: more than once if the declarations are the same.
	Declared []Declared
	// Requires are the resources that must hold before it.
	Requires []Tie
	// NotifiedBy are the resources whose change refreshes it.
	NotifiedBy []Tie
	// Needed are the resources that require it.
	Needed []Tie
}

// Declared is one declaration.
type Declared struct {
	At   problem.Place
	Role string
	// Via are the includes that brought the role, from the host's own role on.
	Via []problem.Place
	// Item is the key of the item of each, and When the condition; "" without.
	Item, When string
}

// A Tie is a resource that another one depends on, or that depends on it.
type Tie struct {
	ID string
	// At is where that is written; the zero place for an automatic tie.
	At problem.Place
}

// ErrNoResource says that a host has no such resource.
var ErrNoResource = errors.New("no such resource")

// Explain explains a resource of a host by its id. The error is an ErrNoResource for one that
// the host doesn't have.
func (s *Set) Explain(names []string, in Input, id string) (*Explanation, error) {
	c, err := s.compile(names, in)
	if err != nil {
		return nil, err
	}
	place := slices.IndexFunc(c.order, func(i int) bool { return c.nodes[i].ID == id })
	if place < 0 {
		return nil, c.noResource(id)
	}
	n := c.nodes[c.order[place]]
	e := &Explanation{Resource: n.Resource, Place: place + 1, Of: len(c.order), Declared: []Declared{n.declared()}}
	for _, twin := range n.twins {
		e.Declared = append(e.Declared, twin.declared())
	}
	for _, required := range n.Require {
		e.Requires = append(e.Requires, Tie{required, c.written(n, required)})
	}
	for _, i := range c.order {
		other := c.nodes[i]
		if slices.Contains(other.Notify, id) {
			e.NotifiedBy = append(e.NotifiedBy, Tie{other.ID, writtenAt(other.notify, id)})
		}
		if slices.Contains(other.Require, id) {
			e.Needed = append(e.Needed, Tie{other.ID, c.written(other, id)})
		}
	}
	return e, nil
}

// noResource says why a host lacks a resource: it waits, or isn't declared.
func (c *compiler) noResource(id string) error {
	for _, text := range c.waiting {
		if strings.HasPrefix(text, id+" ") {
			return fmt.Errorf("%w yet: %s", ErrNoResource, text)
		}
	}
	var known []string
	for _, n := range c.nodes {
		known = append(known, n.ID)
	}
	hint := problem.DidYouMean(id, known)
	if hint == "" {
		hint = "`rackhand render " + c.in.Host.Name + " catalog` shows all"
	}
	return fmt.Errorf("%w: host %s has no %s: %s", ErrNoResource, c.in.Host.Name, id, hint)
}

func (n *node) declared() Declared {
	d := Declared{At: n.decl.at, Role: n.scope.role.name, Item: n.item.key}
	if n.decl.when != nil {
		d.When = n.decl.when.text
	}
	for s := n.scope; s != nil && s.include != nil; s = s.outer {
		d.Via = append(d.Via, s.include.at)
	}
	slices.Reverse(d.Via)
	return d
}

// written is where a resource requires another one, or that one is before it; the zero place
// where neither is written.
func (c *compiler) written(n *node, id string) problem.Place {
	if at := writtenAt(n.require, id); at != (problem.Place{}) {
		return at
	}
	return writtenAt(c.nodes[c.index[id]].before, n.ID)
}

func writtenAt(targets []target, id string) problem.Place {
	for _, t := range targets {
		if t.id == id {
			return t.at
		}
	}
	return problem.Place{}
}
