package port

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory"
)

// ImportOptions say what a table doesn't.
type ImportOptions struct {
	// Group is the group of hosts whose row names none.
	Group string
	// Network is where hosts without an address get one; "" means the only network
	// that there is.
	Network string
}

// An Import is a table's addition to an inventory.
type Import struct {
	// YAML is a file of the inventory with the new hosts; nil without any.
	YAML []byte
	// Added and Present are hosts by name: new ones, and those that the inventory
	// has already, with the same MACs.
	Added, Present []string
}

// importFile names the YAML while it is checked; it comes after every usual name.
const importFile = "~import"

// Plan turns a table's new hosts into YAML. It loads the whole inventory in dir with that
// YAML, and reports the problems at the table's lines.
func (t *Table) Plan(dir string, load inventory.Options, opt ImportOptions) (Import, problem.Problems) {
	s, problems := inventory.Load(dir, load)
	if len(problems) > 0 {
		return Import{}, problems
	}
	var done Import
	var rows []Row
	list := problem.List{}
	for _, r := range t.Rows {
		name := r.Cells["name"]
		if old := s.Hosts[name]; old != nil && slices.ContainsFunc(r.MACs, func(m inventory.MAC) bool { return slices.Contains(old.MACs, m) }) {
			done.Present = append(done.Present, name)
			continue
		}
		if r.Cells["group"] == "" && opt.Group != "" {
			r.Cells = maps.Clone(r.Cells)
			r.Cells["group"] = opt.Group
		}
		rows = append(rows, r)
	}
	t.giveAddresses(s, rows, opt, &list)
	if list.Len() > 0 {
		return Import{}, t.problems(&list)
	}
	if len(rows) == 0 {
		return done, nil
	}
	text, lines := write(rows)
	_, problems = inventory.LoadWithFile(dir, load, importFile, text)
	for _, p := range problems {
		if p.File != importFile {
			list.Addf(p.Place(), p.Hint, "%s", p.Message)
			continue
		}
		from := lines[min(max(p.Line, 1), len(lines))-1]
		list.Addf(t.where(rows[from.row], from.column), p.Hint, "%s", t.translate(p.Message, rows, lines))
	}
	if list.Len() > 0 {
		return Import{}, t.problems(&list)
	}
	for _, r := range rows {
		done.Added = append(done.Added, r.Cells["name"])
	}
	done.YAML = text
	return done, nil
}

// problems are the problems of a list, with the table's lines.
func (t *Table) problems(list *problem.List) problem.Problems {
	t.list.Join(list)
	return t.list.Problems()
}

// A cell is the source of a line of the YAML.
type cell struct {
	row    int
	column string
}

var importPlace = regexp.MustCompile(importFile + `:(\d+):\d+`)

// translate puts the table's places into a message that names one of the YAML.
func (t *Table) translate(message string, rows []Row, lines []cell) string {
	return importPlace.ReplaceAllStringFunc(message, func(place string) string {
		line := 0
		if _, err := fmt.Sscanf(place[len(importFile):], ":%d:", &line); err != nil || line < 1 || line > len(lines) {
			return place
		}
		return t.where(rows[lines[line-1].row], lines[line-1].column).String()
	})
}

// giveAddresses gives each row without an address the next free one of a network.
func (t *Table) giveAddresses(s *inventory.Snapshot, rows []Row, opt ImportOptions, list *problem.List) {
	var free *pool
	for i, r := range rows {
		if r.Cells["address"] != "" {
			continue
		}
		if free == nil {
			n, hint := network(s, opt.Network)
			if n == nil {
				list.Addf(t.where(r, "name"), hint, "%s has no address", r.name())
				return
			}
			free = newPool(s, n, rows)
		}
		a := free.take()
		if !a.IsValid() {
			list.Addf(t.where(r, "name"), "make its leases smaller, or write addresses into the table", "%s: network %s has no free address", r.name(), free.network.Name)
			return
		}
		rows[i].Cells = maps.Clone(r.Cells)
		rows[i].Cells["address"] = a.String()
	}
}

// network finds the network to take addresses from; nil with a hint when it isn't
// clear.
func network(s *inventory.Snapshot, name string) (*inventory.Network, string) {
	names := slices.Sorted(maps.Keys(s.Networks))
	switch {
	case name != "" && s.Networks[name] == nil:
		return nil, fmt.Sprintf("there is no network %q; %s", name, problem.DidYouMean(name, names))
	case name != "":
		return s.Networks[name], ""
	case len(names) == 1:
		return s.Networks[names[0]], ""
	}
	return nil, "write it into the table, or say --network: " + strings.Join(names, ", ")
}

// write turns rows into YAML. lines holds the source of each of its lines.
func write(rows []Row) (text []byte, lines []cell) {
	var b bytes.Buffer
	line := func(row int, column, format string, args ...any) {
		fmt.Fprintf(&b, format+"\n", args...)
		lines = append(lines, cell{row, column})
	}
	line(0, "name", "hosts:")
	for i, r := range rows {
		line(i, "name", "  %s:", quote(r.Cells["name"]))
		var macs []string
		for _, m := range r.MACs {
			macs = append(macs, m.String())
		}
		if len(macs) == 1 {
			line(i, "mac", "    mac: %s", macs[0])
		} else {
			line(i, "mac", "    mac: [%s]", strings.Join(macs, ", "))
		}
		for _, key := range []string{"address", "group", "system", "role", "kickstart", "disk"} {
			if cell := r.Cells[key]; cell != "" {
				line(i, key, "    %s: %s", key, quote(cell))
			}
		}
		if cell := r.Cells["roles"]; cell != "" {
			var roles []string
			for _, role := range split(cell) {
				roles = append(roles, quote(role))
			}
			line(i, "roles", "    roles: [%s]", strings.Join(roles, ", "))
		}
		switch bmc, mac := r.Cells["bmc"], r.Cells["bmc_mac"]; {
		case mac != "":
			line(i, "bmc_mac", "    bmc:")
			if bmc != "" {
				line(i, "bmc", "      address: %s", quote(bmc))
			}
			line(i, "bmc_mac", "      mac: %s", quote(mac))
		case bmc != "":
			line(i, "bmc", "    bmc: {address: %s}", quote(bmc))
		}
		if rack, unit := r.Cells["rack"], r.Cells["unit"]; rack != "" && unit != "" {
			line(i, "unit", "    rack: {name: %s, unit: %s}", quote(rack), quote(unit))
		} else if rack != "" {
			line(i, "rack", "    rack: {name: %s}", quote(rack))
		} else if unit != "" {
			line(i, "unit", "    rack: {unit: %s}", quote(unit))
		}
		var vars []string
		for _, key := range slices.Sorted(maps.Keys(r.Cells)) {
			if name, ok := strings.CutPrefix(key, variablePrefix); ok {
				vars = append(vars, quote(name)+": "+quote(r.Cells[key]))
			}
		}
		if len(vars) > 0 {
			line(i, "", "    variables: {%s}", strings.Join(vars, ", "))
		}
	}
	return b.Bytes(), lines
}

var plainText = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9._/-]*$`)

// quote writes a text so that it is read as what it is.
func quote(text string) string {
	if plainText.MatchString(text) && text != "null" && text != "Null" && text != "NULL" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
