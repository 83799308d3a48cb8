package roletest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory/role"
)

// Suffix ends the name of a file of tests: roles/web.test.yaml tests the role web.
const Suffix = ".test.yaml"

// Run runs the tests in a folder, dir/*.test.yaml, and returns how many there were. base gives
// what no test has: templates and stand-ins for secrets. A role with problems isn't tested.
func Run(dir string, set *role.Set, base role.Input) (n int, problems problem.Problems) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		var list problem.List
		list.Addf(problem.Place{File: "roles"}, "", "the tests of roles can't be read: %v", err)
		return 0, list.Problems()
	}
	for _, e := range entries {
		name, isTest := strings.CutSuffix(e.Name(), Suffix)
		if !isTest || strings.HasPrefix(e.Name(), ".") || set.Broken(name) {
			continue
		}
		data, err := schema.ReadFile(filepath.Join(dir, e.Name()), schema.MaxSize)
		if err != nil {
			var list problem.List
			list.Addf(problem.Place{File: "roles/" + e.Name()}, "", "the tests can't be read: %v", err)
			problems = append(problems, list.Problems()...)
			continue
		}
		ran, found := RunFile("roles/"+e.Name(), name, data, set, base)
		n, problems = n+ran, append(problems, found...)
	}
	return n, problems
}

// RunFile runs the tests of one role.
func RunFile(file, name string, data []byte, set *role.Set, base role.Input) (n int, problems problem.Problems) {
	var list problem.List
	tests := read(file, data, &list)
	if !slices.Contains(set.Names(), name) {
		hint := problem.DidYouMean(name, set.Names())
		if hint == "" {
			hint = "name the file as its role: roles/ROLE" + Suffix
		}
		list.Addf(problem.Place{File: file}, hint, "there is no role %q to test", name)
		return 0, list.Problems()
	}
	seen := map[string]bool{}
	for _, t := range tests {
		if seen[t.name] {
			t.at.Problem("give it another name", "there is a test %.80q already", t.name)
			continue
		}
		seen[t.name] = true
		t.run(name, set, base)
	}
	return len(tests), list.Problems()
}

// run compiles the role and reports what is other than expected.
func (t *test) run(name string, set *role.Set, in role.Input) {
	h := t.host
	h.Roles, h.Variables = []string{name}, t.parameters
	in.Host, in.Facts, in.Hosts, in.Origins, in.Files = &h, t.facts, t.hosts, nil, nil
	compiled, err := set.Compile(h.Roles, in)
	switch {
	case err != nil && t.problem == nil:
		hint := "mend the role, or add problem: with a part of the message"
		if strings.Contains(err.Error(), ": there is no ") {
			hint += "; a test has the resources of its role and of those that it includes, not of the host's other roles"
		}
		t.at.Problem(hint, "test %q: %s", t.name, oneLine(err))
		return
	case err != nil:
		if want, _ := t.problem.Text("problem"); !strings.Contains(err.Error(), want) {
			t.problem.Problem("", "test %q: the problem is another one: %s", t.name, oneLine(err))
		}
		return
	case t.problem != nil:
		t.problem.Problem("", "test %q: the role has no problem with these values", t.name)
		return
	}
	place := map[string]int{}
	for i, r := range compiled.Catalog.Resources {
		place[r.ID] = i
	}
	for _, e := range t.expect {
		id, _ := e.id.Text("expect")
		at, there := place[id]
		if !there {
			e.id.Problem(problem.DidYouMean(id, slices.Sorted(maps.Keys(place))), "test %q: there is no %s", t.name, id)
			continue
		}
		t.compare(e, compiled.Catalog.Resources[at])
	}
	for _, n := range t.absent {
		if id, _ := n.Text("absent"); hasID(place, id) {
			n.Problem("", "test %q: there is %s, declared at %s", t.name, id, compiled.Catalog.Resources[place[id]].Source)
		}
	}
	for _, n := range t.waiting {
		id, _ := n.Text("waiting")
		if !slices.ContainsFunc(compiled.Waiting, func(text string) bool { return strings.HasPrefix(text, id+" ") }) {
			n.Problem("", "test %q: %s doesn't wait for facts", t.name, id)
		}
	}
	last := -1
	for _, n := range t.order {
		id, _ := n.Text("order")
		at, there := place[id]
		switch {
		case !there:
			n.Problem(problem.DidYouMean(id, slices.Sorted(maps.Keys(place))), "test %q: there is no %s", t.name, id)
		case at < last:
			n.Problem("add require or before", "test %q: %s comes earlier", t.name, id)
		}
		last = max(last, at)
	}
}

func hasID(place map[string]int, id string) bool { _, ok := place[id]; return ok }

func oneLine(err error) string {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// StandIn is a secret in a test.
func StandIn(name string) (string, error) { return fmt.Sprintf("<secret %s>", name), nil }
