package preview

import (
	"fmt"
	"path"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/catalog"
)

// role compiles a host's role, and warns of scripts in it that can't run.
func (r *dryRun) role(h *inventory.Host, secret func(string) (string, error)) (problems, out []finding, compiled *role.Compiled) {
	facts := r.facts(h.Name)
	compiled, err := r.roles.Compile(h, standInAppliance, secret, facts)
	if err != nil && facts != nil {
		// A host that makes up facts must not break its roles for others.
		without, again := r.roles.Compile(h, standInAppliance, secret, nil)
		if again == nil {
			for _, f := range problemsOf(fmt.Errorf("with the facts that its agent sent, the catalog can't be made: %w", err), h) {
				f.warning = true
				out = append(out, f)
			}
			compiled, err = without, nil
		}
	}
	if err != nil {
		return problemsOf(err, h), nil, nil
	}
	for _, r := range compiled.Catalog.Resources {
		if r.File == nil || !isShell(r.File) || !strings.Contains(r.File.Content, "\r\n") {
			continue
		}
		line := strings.Count(r.File.Content[:strings.Index(r.File.Content, "\r\n")], "\n") + 1
		p := problem.Problem{
			Message: fmt.Sprintf("%s: line %d of its text ends with CR LF: a shell takes the CR for a part of the line", r.ID, line),
			Hint:    "save the file with plain line ends",
		}
		p.File, p.Line, p.Column = splitPlace(r.Source)
		out = append(out, finding{Problem: p, host: h.Name, warning: true})
	}
	return nil, out, compiled
}

// isShell reports whether a file is read by a shell or run by the kernel, which looks
// for a program of the whole first line's name. Other programs take either line end, as
// a rule, and a file may be meant for a system that wants CR LF.
func isShell(f *catalog.File) bool {
	dir := path.Dir(f.Path)
	return strings.HasPrefix(f.Content, "#!") || path.Ext(f.Path) == ".sh" ||
		dir == "/etc/profile.d" || dir == "/etc/default" || dir == "/etc/cron.d" || f.Path == "/etc/crontab"
}
