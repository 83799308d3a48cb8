// Package roletest runs the tests of roles: roles/NAME.test.yaml gives facts and parameters,
// and says which resources come of them.
package roletest

import (
	"net/netip"

	"rackhand/config/problem"
	"rackhand/config/schema"
	"rackhand/inventory"
	"rackhand/inventory/role"
)

// The bounds of a file of tests.
const (
	maxTests  = 200
	maxExpect = 2000
)

// A test is one case of a role.
type test struct {
	name       string
	at         schema.Node
	host       inventory.Host
	parameters map[string]any
	facts      map[string]any // nil: not known
	hosts      role.HostList
	expect     []expected
	absent     []schema.Node // ids of resources that aren't there
	waiting    []schema.Node // ids of resources that wait for facts
	order      []schema.Node // ids in the order of work
	problem    *schema.Node  // a part of the error; nil: it compiles
}

// expected is a resource, and the fields that it has.
type expected struct {
	id     schema.Node
	fields map[string]schema.Node
}

// read reads a file of tests. Its problems are in list.
func read(file string, data []byte, list *problem.List) (tests []test) {
	root, ok := schema.Parse(file, data, list)
	if !ok {
		return nil
	}
	root.Fields("tests of a role", schema.Fields{"tests": func(n schema.Node) {
		items, _ := n.List("tests")
		if len(items) > maxTests {
			n.Problem("split the role", "%d tests, at most %d are allowed", len(items), maxTests)
			return
		}
		for _, item := range items {
			if t, ok := readTest(item); ok {
				tests = append(tests, t)
			}
		}
	}})
	return tests
}

func readTest(n schema.Node) (t test, ok bool) {
	t = test{at: n, host: inventory.Host{Name: "test", Address: netip.AddrFrom4([4]byte{192, 0, 2, 1}), Group: "test"}}
	if !n.IsMapping() {
		n.Problem("write - name: WHAT IS TESTED, and lines below it", "a test must be a mapping")
		return t, false
	}
	ids := func(what string, to *[]schema.Node) func(schema.Node) {
		return func(n schema.Node) {
			items, _ := n.List(what)
			for _, item := range items {
				if _, ok := item.Text(what); ok {
					*to = append(*to, item)
				}
			}
		}
	}
	ok = n.Fields("test", schema.Fields{
		"name":       func(n schema.Node) { t.name, _ = n.Text("name") },
		"host":       func(n schema.Node) { readHost(n, &t.host) },
		"parameters": func(n schema.Node) { t.parameters = readValues(n, "parameters") },
		"facts":      func(n schema.Node) { t.facts = readFacts(n) },
		"hosts":      func(n schema.Node) { t.hosts = readHosts(n) },
		"expect":     func(n schema.Node) { t.expect = readExpected(n) },
		"absent":     ids("absent", &t.absent),
		"waiting":    ids("waiting", &t.waiting),
		"order":      ids("order", &t.order),
		"problem": func(n schema.Node) {
			if _, ok := n.Text("problem"); ok {
				t.problem = &n
			}
		},
	})
	if ok && t.name == "" {
		n.Problem("add name: WHAT IS TESTED", "a test needs a name")
		return t, false
	}
	return t, ok
}

func readHost(n schema.Node, h *inventory.Host) {
	n.Fields("host", schema.Fields{
		"name":  func(n schema.Node) { h.Name, _ = n.Text("name") },
		"group": func(n schema.Node) { h.Group, _ = n.Text("group") },
		"address": func(n schema.Node) {
			text, ok := n.Text("address")
			addr, err := netip.ParseAddr(text)
			if ok && err != nil {
				n.Problem("write it as 10.77.0.11", "%.80q is no address", text)
			}
			h.Address = addr
		},
	})
}

// readHosts reads other hosts, for hosts(...).
func readHosts(n schema.Node) (list role.HostList) {
	items, _ := n.List("hosts")
	for _, item := range items {
		var h role.HostData
		text := func(what string, to *string) func(schema.Node) {
			return func(n schema.Node) { *to, _ = n.Text(what) }
		}
		item.Fields("hosts", schema.Fields{
			"name": text("name", &h.Name), "address": text("address", &h.Address), "group": text("group", &h.Group), "mac": text("mac", &h.MAC),
			"roles": func(n schema.Node) {
				roles, _ := n.List("roles")
				for _, r := range roles {
					if name, ok := r.Text("roles"); ok {
						h.Roles = append(h.Roles, name)
					}
				}
			},
		})
		list = append(list, h)
	}
	return list
}

// readValues reads values as an inventory's variables are read: {secret: NAME} names a secret.
func readValues(n schema.Node, what string) map[string]any {
	values := map[string]any{}
	n.Each(what, func(name string, _, value schema.Node) { values[name] = replaced(value.Any(), secretRef) })
	return values
}

// secretRef is the reference to a secret that a mapping stands for; otherwise the value.
func secretRef(v any) any {
	if m, ok := v.(map[string]any); ok && len(m) == 1 {
		if name, ok := m["secret"].(string); ok {
			return inventory.SecretRef(name)
		}
	}
	return v
}

func readExpected(n schema.Node) (all []expected) {
	n.Each("expect", func(_ string, key, value schema.Node) {
		if len(all) == maxExpect {
			key.Problem("split the test", "more than %d resources", maxExpect)
			return
		}
		e := expected{id: key, fields: map[string]schema.Node{}}
		if !value.Null() {
			value.Each("expect", func(field string, _, value schema.Node) { e.fields[field] = value })
		}
		all = append(all, e)
	})
	return all
}
