package preview

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision/handout"
	"rackhand/templates"
)

// placeholder stands for what is only known in an install: a token, a checksum.
var placeholder = strings.Repeat("0", 64)

// standInAppliance is an address of TEST-NET-1 (RFC 5737): never an appliance.
const standInAppliance = "http://192.0.2.1"

// A dryRunResult has the findings of the dry runs of all hosts.
type dryRunResult struct {
	problems, warnings inventory.Problems
	roles              inventory.Problems // those of roles
	wants              []wants            // of each host, in the order of their names
}

// dryRunHosts makes for each host the texts of an install, with placeholders for
// secrets: it renders its Kickstart and checks it for its release and engine, renders its
// boot scripts, and compiles its role. Errors in the middle of an install show here first. A
// problem that many hosts have is reported once, for the first of them by name.
func dryRunHosts(snap *inventory.Snapshot, roles *Roles, facts func(host string) map[string]any) dryRunResult {
	r := &dryRun{snap: snap, set: roles.templates, roles: roles, disks: allDisks(snap), facts: facts}
	var all, ofRoles findingGroups
	var out dryRunResult
	names := snap.HostNames()
	// Batches bound the memory for an inventory in which every host has its own problems.
	const batch = 256
	for len(names) > 0 {
		now := names[:min(batch, len(names))]
		names = names[len(now):]
		found, wanted := r.batch(snap, now)
		for i, f := range found {
			all.add(f.rest)
			ofRoles.add(f.role)
			if len(f.role) > 0 {
				roles.broken[snap.Hosts[now[i]].Role()] = true
			}
		}
		out.wants = append(out.wants, wanted...)
	}
	out.problems, out.warnings = all.problems()
	out.roles, _ = ofRoles.problems()
	return out
}

// A dryRun is the input of the dry runs of all hosts. It may be used by several goroutines.
type dryRun struct {
	snap  *inventory.Snapshot
	set   *templates.Set
	roles *Roles
	disks map[string]bool // those that any host has
	facts func(host string) map[string]any
}

// batch runs hosts in parallel. Their findings are in the order of the names.
func (r *dryRun) batch(snap *inventory.Snapshot, names []string) ([]hostFindings, []wants) {
	found, wanted := make([]hostFindings, len(names)), make([]wants, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wg.Go(func() {
			for i := range next {
				found[i], wanted[i] = r.host(snap.Hosts[names[i]])
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	wg.Wait()
	return found, wanted
}

// hostFindings are the findings of one host: the problems of its role, and the rest.
type hostFindings struct{ role, rest []finding }

// host does the dry run of one host.
func (r *dryRun) host(h *inventory.Host) (out hostFindings, _ wants) {
	found := append(neverInstalled(h), notSetUp(r.snap, h)...)
	secrets := map[string]bool{}
	text := ""
	if h.System != nil {
		var more []finding
		more, text = r.kickstart(h, noted(secrets))
		found = append(append(found, more...), r.scripts(h)...)
	}
	var compiled *role.Compiled
	if len(h.Roles) > 0 && !r.roles.unusable(h) {
		var more []finding
		out.role, more, compiled = r.role(h, noted(secrets))
		found = append(found, more...)
	}
	if !r.roles.unusable(h) { // a role may bring keys
		found = append(found, lockedOut(h, text, compiled)...)
	}
	out.rest = append(found, withoutAgent(h, text)...)
	return out, wantsOf(h, secrets, compiled)
}

// render renders a template with the values that secret returns.
func (r *dryRun) render(name string, h *inventory.Host, secret func(string) (string, error)) (string, *templates.Map, error) {
	d, err := standInData(h)
	if err != nil {
		return "", nil, err
	}
	return r.set.RenderMapped(name, d, templates.Funcs(h, secret))
}

// standInData is the input of an install's templates, with stand-ins.
func standInData(h *inventory.Host) (templates.Data, error) {
	img, _, err := imageOf(nil, h, handout.IPXEHTTP, standInAppliance)
	m := handout.Maker{Mirrors: []string{"debian"}}
	return m.Data(h, templates.Appliance{URL: standInAppliance, Agents: standInAppliance}, img, handout.Attempt{
		ID: h.Name + "-0", MAC: h.MACs[0], Token: placeholder, EnrolToken: placeholder,
	}), err
}

// scripts renders the boot scripts that a host may get.
func (r *dryRun) scripts(h *inventory.Host) []finding {
	for _, name := range handout.Scripts(h) {
		if _, _, err := r.render(name, h, templates.StandInSecret); err != nil {
			return unrendered("boot script", err, h)
		}
	}
	return nil
}

// unrendered is the problem of a template that doesn't render. Its place is in the template
// if that is the operator's own. A built-in one fails because of the host's settings.
func unrendered(what string, err error, h *inventory.Host) []finding {
	var e *templates.Error
	if !errors.As(err, &e) || e.Place.Builtin {
		return problemsOf(fmt.Errorf("its %s does not render: %w", what, err), h)
	}
	return []finding{{
		Problem: problem.Problem{
			File: e.Place.File, Line: e.Place.Line, Column: e.Place.Col, Text: showable(e.Place.Text, e.Place.Text),
			Message: withoutHost("the "+what+" of "+hostWord+" does not render: "+e.Message, h),
		},
		host: h.Name,
	}}
}

// problemsOf makes findings of an error; one without a place of its own gets that
// of the host.
func problemsOf(err error, h *inventory.Host) []finding {
	if err == nil {
		return nil
	}
	var ps inventory.Problems
	if errors.As(err, &ps) {
		var out []finding
		for _, p := range ps {
			p.Message = withoutHost(p.Message, h)
			out = append(out, finding{Problem: p, host: h.Name})
		}
		return out
	}
	p := problem.Problem{Message: withoutHost(fmt.Sprintf("host %s: %v", h.Name, err), h)}
	p.File, p.Line, p.Column = splitPlace(h.Line)
	return []finding{{Problem: p, host: h.Name, ofHost: true}}
}

// splitPlace splits file:line:column; without numbers the text is only a file.
func splitPlace(place string) (file string, line, column int) {
	if parts := strings.Split(place, ":"); len(parts) == 3 {
		if _, err := fmt.Sscanf(parts[1]+" "+parts[2], "%d %d", &line, &column); err == nil {
			return parts[0], line, column
		}
	}
	return place, 0, 0
}
