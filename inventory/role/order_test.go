package role

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// plainOrder is the order by the rules as they are written in the guide, edge by edge: the
// time that it takes grows with the cube.
type plainOrder struct {
	nodes  []*node
	index  map[string]int
	before []map[int]bool
}

func (o *plainOrder) reaches(from, to int) bool {
	seen := map[int]bool{}
	var visit func(i int) bool
	visit = func(i int) bool {
		if i == from {
			return true
		}
		seen[i] = true
		for b := range o.before[i] {
			if !seen[b] && visit(b) {
				return true
			}
		}
		return false
	}
	return visit(to)
}

func (o *plainOrder) link() {
	for _, n := range o.nodes {
		o.before = append(o.before, map[int]bool{})
		n.Require, n.Notify = nil, nil
		for _, t := range n.require {
			n.Require = append(n.Require, t.id)
		}
		for _, t := range n.notify {
			n.Notify = append(n.Notify, t.id)
		}
	}
	for i, n := range o.nodes {
		for _, t := range n.before {
			other := o.index[t.id]
			o.before[other][i] = true
			o.nodes[other].Require = append(o.nodes[other].Require, n.ID)
		}
		for _, t := range n.require {
			o.before[i][o.index[t.id]] = true
		}
		for _, t := range n.notify {
			o.before[o.index[t.id]][i] = true
		}
	}
	for i, n := range o.nodes {
		if n.File == nil || n.File.Owner == "" {
			continue
		}
		switch at := o.index["user["+n.File.Owner+"]"]; {
		case o.nodes[at].User.Ensure == catalog.Absent:
			if !o.reaches(at, i) {
				o.before[at][i] = true
			}
		case n.File.Ensure != catalog.Absent && !o.reaches(i, at):
			o.before[i][at] = true
			n.Require = append(n.Require, o.nodes[at].ID)
		}
	}
	for i, n := range o.nodes {
		for j := i + 1; n.Package != nil && j < len(o.nodes); j++ {
			later := o.nodes[j]
			if later.Package != nil || o.reaches(j, i) {
				continue
			}
			o.before[j][i] = true
			if n.Package.Ensure != catalog.Absent && ownedBy(n.Package.Name, later) {
				later.Require = append(later.Require, n.ID)
			}
		}
		if n.File == nil {
			continue
		}
		for dir := path.Dir(n.File.Path); dir != "/"; dir = path.Dir(dir) {
			at, ok := o.index[catalog.ID(catalog.KindFile, dir)]
			if !ok {
				continue
			}
			switch parent := o.nodes[at]; {
			case n.File.Ensure == catalog.Absent && parent.File.Ensure == catalog.Absent:
				o.before[at][i] = true
			case n.File.Ensure == catalog.Absent:
			case !o.reaches(i, at):
				o.before[i][at] = true
				n.Require = append(n.Require, parent.ID)
			}
			break
		}
	}
	for _, n := range o.nodes {
		n.Require, n.Notify = unique(n.Require), unique(n.Notify)
	}
}

func ownedBy(pkg string, n *node) bool {
	if n.Service != nil {
		return n.Service.Name == pkg
	}
	return n.File != nil && n.File.Ensure != catalog.Absent && slices.ContainsFunc(strings.Split(n.File.Path, "/"), func(e string) bool {
		return e == pkg || strings.TrimSuffix(e, path.Ext(e)) == pkg
	})
}

// sort gives nil for a cycle.
func (o *plainOrder) sort() (out []catalog.Resource) {
	done := make([]bool, len(o.nodes))
next:
	for len(out) < len(o.nodes) {
		for i, n := range o.nodes {
			ready := !done[i]
			for b := range o.before[i] {
				ready = ready && done[b]
			}
			if ready {
				done[i] = true
				out = append(out, n.Resource)
				continue next
			}
		}
		return nil
	}
	return out
}

// randomRole is a small role with many edges, most of them in the order in which it is
// written.
func randomRole(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("resources:\n")
	packages, files, services := []string{"p1", "p2", "p3"}, []string{"/a", "/a/p1", "/a/p1/x.conf", "/a/b", "/a/b/c", "/p2.d", "/p2.d/f"}, []string{"p1", "p3", "s"}
	var all []string
	for _, n := range packages {
		all = append(all, "package["+n+"]")
	}
	for _, n := range files {
		all = append(all, "file["+n+"]")
	}
	for _, n := range services {
		all = append(all, "service["+n+"]")
	}
	all = append(all, "user[u]", "user[v]")
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	absent := r.IntN(3) == 0
	for i, id := range all {
		kind, name, _ := strings.Cut(strings.TrimSuffix(id, "]"), "[")
		fmt.Fprintf(&b, "  - %s: %s\n", kind, name)
		switch {
		case kind == "file" && absent:
			b.WriteString("    ensure: absent\n")
		case kind == "file":
			b.WriteString("    ensure: directory\n")
			if r.IntN(3) == 0 {
				fmt.Fprintf(&b, "    owner: %s\n", []string{"u", "v"}[r.IntN(2)])
			}
		case (kind == "package" || kind == "user") && r.IntN(5) == 0:
			b.WriteString("    ensure: absent\n")
		}
		other := all[r.IntN(len(all))]
		if r.IntN(6) != 0 && i > 0 {
			other = all[r.IntN(i)]
		}
		if other != id && r.IntN(3) == 0 {
			fmt.Fprintf(&b, "    require: %s\n", other)
		}
		if other := all[r.IntN(len(all))]; other != id && r.IntN(20) == 0 {
			fmt.Fprintf(&b, "    before: %s\n", other)
		}
		if service := "service[" + services[r.IntN(3)] + "]"; service != id && r.IntN(4) == 0 {
			fmt.Fprintf(&b, "    notify: %s\n", service)
		}
	}
	return b.String()
}

// TestOrderAsWritten: the order, its edges and whether there is a cycle are as the rules say
// when they are followed edge by edge.
func TestOrderAsWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cycles, early := 0, 0
	for n := range 1000 {
		text := randomRole(r)
		parsed, problems := parse("r", []byte(text))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		made := func() *compiler {
			c := &compiler{in: testInput(""), problems: parsed.problems, index: map[string]int{}}
			c.resources(&scope{role: parsed})
			return c
		}
		c, slow := made(), made()
		c.link()
		if c.problems.Len() > 0 {
			t.Fatal(text, c.problems.Problems())
		}
		if slices.ContainsFunc(c.nodes, func(n *node) bool { return n.Package != nil && len(n.require) > 0 }) {
			early++
		}
		c.sort()
		o := &plainOrder{nodes: slow.nodes, index: slow.index}
		o.link()
		want := o.sort()
		if c.problems.Len() > 0 {
			cycles++
			if want != nil {
				t.Fatalf("%d: reported a cycle in resources without one: %s\n%s", n, text, c.problems.Problems())
			}
			continue
		}
		if got := c.ordered(); fmt.Sprint(edgesOf(got)) != fmt.Sprint(edgesOf(want)) {
			t.Fatalf("%d: in order\n%v\nwant\n%v\n%s", n, edgesOf(got), edgesOf(want), text)
		}
	}
	if cycles < 100 || cycles > 900 || early < 100 {
		t.Errorf("of the roles %d have a cycle, and in %d a package comes after something", cycles, early)
	}
}

func edgesOf(list []catalog.Resource) (out []string) {
	for _, r := range list {
		out = append(out, fmt.Sprintf("%s require %v notify %v", r.ID, r.Require, r.Notify))
	}
	return out
}

// TestEdgesAreLinear: the edges of a role don't grow with packages times files.
func TestEdgesAreLinear(t *testing.T) {
	parsed, problems := parse("r", []byte(bigRole(200, 1800, 0)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := &compiler{in: testInput(""), problems: parsed.problems, index: map[string]int{}}
	c.resources(&scope{role: parsed})
	c.link()
	edges := 0
	for _, list := range c.graph.before {
		edges += len(list)
	}
	if c.sort(); len(c.order) != 2000 || edges > 3*2000 {
		t.Errorf("%d resources in order, %d edges", len(c.order), edges)
	}
}
