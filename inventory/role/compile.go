package role

import (
	"fmt"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory/role/expression"
	"rackhand/provision/catalog"
)

// Compile makes the catalog and the checks of roles for one host, as if a role without a file
// included them in this order. An error is of type [Problems] where a role is at fault, with
// file:line:column.
func (s *Set) Compile(names []string, in Input) (*Compiled, error) {
	c, err := s.compile(names, in)
	if err != nil {
		return nil, err
	}
	joined := strings.Join(names, ", ")
	out := &Compiled{Checks: c.compiled, Waiting: c.waiting}
	out.Catalog = catalog.Catalog{Host: in.Host.Name, Role: joined, Resources: c.ordered()}
	if out.Catalog.Version, err = catalog.Version(out.Catalog.Resources); err != nil {
		return nil, fmt.Errorf("role %s for host %s: %w", joined, in.Host.Name, err)
	}
	if out.Catalog, err = out.Catalog.WithChecks(onHost(c.compiled)); err == nil && len(c.compiled) > catalog.MaxChecks {
		err = fmt.Errorf("more than %d checks, with those of included roles", catalog.MaxChecks)
	}
	if err != nil {
		return nil, fmt.Errorf("role %s for host %s: %w", joined, in.Host.Name, err)
	}
	if err := out.Catalog.Validate(); err != nil {
		return nil, fmt.Errorf("role %s for host %s: %w", joined, in.Host.Name, err)
	}
	return out, nil
}

// compile resolves roles for one host, and puts the resources in order.
func (s *Set) compile(names []string, in Input) (*compiler, error) {
	if in.Host == nil {
		return nil, fmt.Errorf("role %s: no host to compile it for", strings.Join(names, ", "))
	}
	c := s.compiler(in)
	for _, name := range names {
		if err := s.usable(name); err != nil {
			return nil, err
		}
		s.expand(c, s.roles[name], nil, nil)
	}
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
		c.declare()
	}
	for _, scope := range c.scopes {
		c.compiled = append(c.compiled, c.checks(scope)...)
	}
	if c.problems.Len() > 0 {
		return nil, c.problems.Problems()
	}
	return c, nil
}

// usable says why a role can't be compiled; nil when it can.
func (s *Set) usable(name string) error {
	switch r := s.roles[name]; {
	case r == nil:
		hint := problem.DidYouMean(name, s.Names())
		if hint == "" {
			hint = "write roles/" + name + ".yaml"
		}
		return fmt.Errorf("there is no role %q: %s", name, hint)
	case r.because != "":
		return fmt.Errorf("role %s includes %s, which has problems: rackhand check lists them", name, r.because)
	case r.broken:
		return fmt.Errorf("role %s has problems: mend roles/%s.yaml, rackhand check lists them", name, name)
	}
	return nil
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
	compiled []catalog.Check
	texts    int // bytes of all contents that are in memory

	facts   map[string]any           // of the host; nil while they aren't known
	queries map[string]HostList      // results of hosts(...)
	hasRole func(name string) bool   // in this set
	work    expression.Budget        // of conditions
	untrue  map[string]problem.Place // ids of resources that aren't declared, and their conditions
	// waiting says what is left out until the facts are known.
	waiting []string
	// unknown: ids of some resources that wait aren't known.
	unknown bool
	// scopeWaits: the values of the role that is expanded need facts.
	scopeWaits bool
}

func (s *Set) compiler(in Input) *compiler {
	return &compiler{
		in: in, facts: in.Facts, index: map[string]int{}, seen: map[string][]*scope{}, queries: map[string]HostList{}, untrue: map[string]problem.Place{},
		hasRole: func(name string) bool { return s.roles[name] != nil }, work: expression.Budget{Left: maxWork},
	}
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
	twins []*node // the same, declared elsewhere
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
