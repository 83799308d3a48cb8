package role

import (
	"fmt"

	"rackhand/config/problem"
	"rackhand/inventory/role/expression"
	"rackhand/provision/catalog"
)

// Compile makes the catalog and the checks of a role for one host. An error is
// of type [Problems] where the role is at fault, with file:line:column.
func (s *Set) Compile(name string, in Input) (*Compiled, error) {
	r := s.roles[name]
	switch {
	case r == nil:
		hint := problem.DidYouMean(name, s.Names())
		if hint == "" {
			hint = "write roles/" + name + ".yaml"
		}
		return nil, fmt.Errorf("there is no role %q: %s", name, hint)
	case r.because != "":
		return nil, fmt.Errorf("role %s includes %s, which has problems: rackhand check lists them", name, r.because)
	case r.broken:
		return nil, fmt.Errorf("role %s has problems: mend roles/%s.yaml, rackhand check lists them", name, name)
	case in.Host == nil:
		return nil, fmt.Errorf("role %s: no host to compile it for", name)
	}
	c := &compiler{in: in, index: map[string]int{}, seen: map[string][]*scope{}, queries: map[string]HostList{}, work: expression.Budget{Left: maxWork}}
	if in.Facts != nil {
		c.facts = whole(in.Facts).(map[string]any)
	}
	s.expand(c, r, nil, nil)
	if c.problems.Len() > 0 {
		return nil, c.problems.Problems()
	}
	for _, scope := range c.scopes {
		c.resources(scope)
	}
	if c.problems.Len() == 0 {
		c.link()
	}
	if c.problems.Len() == 0 {
		c.spread()
		c.sort()
	}
	var checks []catalog.Check
	for _, scope := range c.scopes {
		checks = append(checks, c.checks(scope)...)
	}
	if c.problems.Len() > 0 {
		return nil, c.problems.Problems()
	}
	out := &Compiled{Checks: checks, Waiting: c.waiting}
	out.Catalog = catalog.Catalog{Host: in.Host.Name, Role: name, Resources: c.ordered()}
	var err error
	if out.Catalog.Version, err = catalog.Version(out.Catalog.Resources); err != nil {
		return nil, fmt.Errorf("role %s for host %s: %w", name, in.Host.Name, err)
	}
	if out.Catalog, err = out.Catalog.WithChecks(onHost(checks)); err == nil && len(checks) > catalog.MaxChecks {
		err = fmt.Errorf("more than %d checks, with those of included roles", catalog.MaxChecks)
	}
	if err != nil {
		return nil, fmt.Errorf("role %s for host %s: %w", name, in.Host.Name, err)
	}
	if err := out.Catalog.Validate(); err != nil {
		return nil, fmt.Errorf("role %s for host %s: %w", name, in.Host.Name, err)
	}
	return out, nil
}

// compiler is one compilation.
type compiler struct {
	in       Input
	problems problem.List
	scopes   []*scope            // in the order of work
	seen     map[string][]*scope // by the name of their role
	expanded int                 // scopes that were looked at
	declared int                 // resources of all scopes
	made     int                 // resources that they and their items made
	values   int                 // size of the values of their parameters
	nodes    []*node
	index    map[string]int // id -> place in nodes
	graph    *graph         // over nodes
	order    []int
	texts    int // bytes of all contents that are in memory

	facts   map[string]any      // of the host; nil while they aren't known
	queries map[string]HostList // results of hosts(...)
	work    expression.Budget   // of conditions
	// waiting says what is left out until the facts are known. unknown: there may be
	// resources among it whose ids aren't known. scopeWaits: the values of the parameters
	// that are looked up at the moment need facts.
	waiting             []string
	unknown, scopeWaits bool
}

// node is a resource and its edges.
type node struct {
	catalog.Resource
	decl  *declaration
	scope *scope
	item  item
	// notify, require and before as written, with their places.
	notify, require, before []target
	// waits is what the resource waits for; "" if it can be made.
	waits string
}

type target struct {
	id string
	at problem.Place
}

func (c *compiler) addf(at problem.Place, hint, format string, args ...any) {
	c.problems.Addf(at, hint, format, args...)
}

// ordered lists the resources in the order of work.
func (c *compiler) ordered() []catalog.Resource {
	out := make([]catalog.Resource, 0, len(c.order))
	for _, i := range c.order {
		out = append(out, c.nodes[i].Resource)
	}
	return out
}
