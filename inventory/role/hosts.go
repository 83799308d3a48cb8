package role

import (
	"fmt"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory"
)

// HostData is all that a role learns of another host. Variables and secrets are left out.
type HostData struct {
	Name    string   `expr:"name"`
	Address string   `expr:"address"` // "" without one
	Group   string   `expr:"group"`
	MAC     string   `expr:"mac"`
	Roles   []string `expr:"roles"`
}

// A HostList is hosts in the order of their names.
type HostList []HostData

// HostsOf are the hosts of an inventory, in the order of their names; none of no inventory.
func HostsOf(s *inventory.Snapshot) HostList {
	if s == nil {
		return nil
	}
	list := make(HostList, 0, len(s.Hosts))
	for _, name := range s.HostNames() {
		list = append(list, dataOf(s.Hosts[name]))
	}
	return list
}

func dataOf(h *inventory.Host) HostData {
	d := HostData{Name: h.Name, Group: h.Group, Roles: h.Roles}
	if h.Address.IsValid() {
		d.Address = h.Address.String()
	}
	if len(h.MACs) > 0 {
		d.MAC = h.MACs[0].String()
	}
	return d
}

// Addresses are those of the hosts that have one.
func (l HostList) Addresses() []string {
	list := make([]string, 0, len(l))
	for _, h := range l {
		if h.Address != "" {
			list = append(list, h.Address)
		}
	}
	return list
}

// Names are the names of the hosts.
func (l HostList) Names() []string {
	list := make([]string, 0, len(l))
	for _, h := range l {
		list = append(list, h.Name)
	}
	return list
}

// values are the hosts as ${hosts(...)} has them: a list of mappings.
func (l HostList) values() []any {
	list := make([]any, 0, len(l))
	for _, h := range l {
		list = append(list, h.values())
	}
	return list
}

func (h HostData) values() map[string]any {
	return map[string]any{"name": h.Name, "address": h.Address, "group": h.Group, "mac": h.MAC, "roles": anyList(h.Roles)}
}

func anyList(texts []string) []any {
	list := make([]any, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

// A hostQuery selects hosts: role=web,group=front.
type hostQuery struct{ role, group string }

// parseQuery reads the text between the parentheses of hosts(...). Quotes around it are taken
// off, so that ${hosts("role=web")} is the same as ${hosts(role=web)}.
func parseQuery(text string) (q hostQuery, hint string, err error) {
	const form = "write hosts(role=NAME), hosts(group=NAME) or hosts(role=NAME,group=NAME)"
	text = strings.TrimSpace(text)
	if n := len(text); n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		text = text[1 : n-1]
	}
	for part := range strings.SplitSeq(text, ",") {
		key, name, ok := strings.Cut(strings.TrimSpace(part), "=")
		key, name = strings.TrimSpace(key), strings.TrimSpace(name)
		to := map[string]*string{"role": &q.role, "group": &q.group}[key]
		switch {
		case !ok || name == "":
			return q, form, fmt.Errorf("hosts(%.60s) selects no hosts", text)
		case to == nil:
			return q, problem.DidYouMean(key, []string{"role", "group"}), fmt.Errorf("hosts(%.60s): hosts can't be selected by %.40q", text, key)
		case *to != "":
			return q, form, fmt.Errorf("hosts(%.60s): %s is given twice", text, key)
		}
		*to = name
	}
	return q, "", nil
}

func (q hostQuery) matches(h HostData) bool {
	return (q.role == "" || slices.Contains(h.Roles, q.role)) && (q.group == "" || h.Group == q.group)
}

// hostParts are the lists that stand for hosts(...).NAME.
func hostParts() []string { return []string{"addresses", "names"} }

// cutHosts takes apart hosts(QUERY) and hosts(QUERY).PART; false for other references.
func cutHosts(ref string) (query, part string, ok bool) {
	rest, ok := strings.CutPrefix(ref, "hosts(")
	end := strings.LastIndexByte(rest, ')')
	if !ok || end < 0 {
		return "", "", false
	}
	query, part = rest[:end], rest[end+1:]
	if part != "" && part[0] != '.' {
		return "", "", false
	}
	return query, strings.TrimPrefix(part, "."), true
}

// checkHosts says what is wrong with ${hosts(...)}.
func checkHosts(ref string) (q hostQuery, hint string, err error) {
	query, part, ok := cutHosts(ref)
	if !ok {
		return q, "write ${hosts(role=NAME)} or ${hosts(role=NAME).addresses}", fmt.Errorf("${%.60s} is not known", ref)
	}
	if part != "" && !slices.Contains(hostParts(), part) {
		return q, problem.DidYouMean(part, hostParts()), fmt.Errorf("hosts(...) has no %.40q", part)
	}
	return parseQuery(query)
}

// noteQuery notes the role of ${hosts(role=...)}, which must exist.
func (r *role) noteQuery(p part, at problem.Place) {
	if !p.ref || !strings.HasPrefix(p.text, "hosts(") {
		return
	}
	if q, _, err := checkHosts(p.text); err == nil && q.role != "" {
		r.queries = append(r.queries, roleQuery{q.role, at})
	}
}

// hosts are the hosts of a query, which is looked up once.
func (c *compiler) hosts(query string) (HostList, error) {
	if found, ok := c.queries[query]; ok {
		return found, nil
	}
	q, hint, err := parseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, hint)
	}
	if q.role != "" && !c.hasRole(q.role) {
		return nil, fmt.Errorf("hosts(%.60s): there is no role %.80q", query, q.role)
	}
	found := HostList{}
	for _, h := range c.in.Hosts {
		if q.matches(h) {
			found = append(found, h)
		}
	}
	slices.SortFunc(found, func(a, b HostData) int { return strings.Compare(a.Name, b.Name) })
	c.queries[query] = found
	return found, nil
}

// hostValues is what ${hosts(...)} stands for; it was checked when the role was read.
func (c *compiler) hostValues(ref string) any {
	query, part, _ := cutHosts(ref)
	list, err := c.hosts(query)
	switch {
	case err != nil:
		return []any{}
	case part == "addresses":
		return anyList(list.Addresses())
	case part == "names":
		return anyList(list.Names())
	}
	return list.values()
}

// Hosts are other hosts, in templates: {{ range .Hosts "role=web" }}{{ .Address }}{{ end }}.
func (d Data) Hosts(query string) (HostList, error) { return d.choice.hosts(query) }
