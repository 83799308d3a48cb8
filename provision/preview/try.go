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
	"rackhand/templates"
)

// placeholder stands for what is only known in an install: a token, a checksum.
var placeholder = strings.Repeat("0", 64)

// tryAppliance is an address of TEST-NET-1 (RFC 5737): never an appliance.
const tryAppliance = "http://192.0.2.1"

// tried is what trying out every host has shown.
type tried struct {
	problems, warnings inventory.Problems
	roles              inventory.Problems // those of roles
	wants              []wants            // of each host, in the order of their names
}

// tryHosts makes for each host what an install of it would make, with
// placeholders for secrets: its Kickstart is rendered and held against its release
// and the engine that would carry it out, its boot scripts are rendered, its role is
// compiled. What would go wrong in the middle of an install goes wrong here. The
// same problem of many hosts is told once, for the first of them by name.
func tryHosts(snap *inventory.Snapshot, roles *Roles) tried {
	t := &trial{set: roles.templates, roles: roles, disks: allDisks(snap)}
	var all, ofRoles gathering
	var out tried
	names := snap.HostNames()
	// Batches bound what is kept of an inventory in which every host has problems
	// of its own.
	const batch = 256
	for len(names) > 0 {
		now := names[:min(batch, len(names))]
		names = names[len(now):]
		found, wanted := t.batch(snap, now)
		for i, f := range found {
			all.add(f.rest)
			ofRoles.add(f.role)
			if len(f.role) > 0 {
				roles.broken[snap.Hosts[now[i]].Role] = true
			}
		}
		out.wants = append(out.wants, wanted...)
	}
	out.problems, out.warnings = all.told()
	out.roles, _ = ofRoles.told()
	return out
}

// A trial is what hosts are tried with. It may be used by several goroutines.
type trial struct {
	set   *templates.Set
	roles *Roles
	disks map[string]bool // those that any host has
}

// batch tries hosts side by side; the findings come in the order of their names.
func (t *trial) batch(snap *inventory.Snapshot, names []string) ([]foundOut, []wants) {
	found, wanted := make([]foundOut, len(names)), make([]wants, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wg.Go(func() {
			for i := range next {
				found[i], wanted[i] = t.host(snap.Hosts[names[i]])
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

// foundOut is what trying out one host has shown: the problems of its role, and the rest.
type foundOut struct{ role, rest []finding }

// host tries one host.
func (t *trial) host(h *inventory.Host) (out foundOut, _ wants) {
	found := neverInstalled(h)
	secrets := map[string]bool{}
	text := ""
	if h.System != nil {
		var more []finding
		more, text = t.kickstart(h, noted(secrets))
		found = append(append(found, more...), t.scripts(h)...)
	}
	var compiled *role.Compiled
	if h.Role != "" && !t.roles.set.Broken(h.Role) {
		var more []finding
		out.role, more, compiled = t.role(h, noted(secrets))
		found = append(found, more...)
	}
	if h.Role == "" || !t.roles.set.Broken(h.Role) { // a role may bring keys
		found = append(found, lockedOut(h, text, compiled)...)
	}
	out.rest = append(found, withoutAgent(h, text)...)
	return out, wantsOf(h, secrets, compiled)
}

// render renders a template with what secret gives for secrets.
func (t *trial) render(name string, h *inventory.Host, secret func(string) (string, error)) (string, *templates.Map, error) {
	return t.set.RenderMapped(name, tryData(h), templates.Funcs(h, secret))
}

// tryData is what an install's templates would be rendered from.
func tryData(h *inventory.Host) templates.Data {
	const url = tryAppliance
	return templates.Data{
		Host: h, Appliance: templates.Appliance{URL: url, Agents: url},
		Image:   templates.Image{URL: url + "/root.tar.zst", SHA256: placeholder, Kernel: url, Initrd: url, Media: templates.Media{Stage2: url, Repo: url}},
		Mirrors: map[string]string{"debian": url},
		Install: templates.Install{ID: h.Name + "-0", Kickstart: url, Report: url, Agent: url, CA: url, EnrolToken: placeholder, BootIF: "01-" + h.MACs[0].String()},
	}
}

// scripts renders the boot scripts that a host may be handed: iPXE's, and GRUB's
// where that is what boots it.
func (t *trial) scripts(h *inventory.Host) []finding {
	scripts := []string{"install.ipxe", "disk.ipxe"}
	if h.Boot.SecureBoot || h.System.Processor() == inventory.ArchARM64 {
		scripts = append(scripts, "install.grub", "disk.grub", "wait.grub")
	}
	for _, name := range scripts {
		if _, _, err := t.render(name, h, templates.StandInSecret); err != nil {
			return unrendered("boot script", err, h)
		}
	}
	return nil
}

// unrendered is what keeps a template from being rendered. It stands in the
// template when that is the operator's own; a built-in one fails for what the
// inventory says of the host.
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

// splitPlace tells file:line:column apart; without numbers it is a file alone.
func splitPlace(place string) (file string, line, column int) {
	if parts := strings.Split(place, ":"); len(parts) == 3 {
		if _, err := fmt.Sscanf(parts[1]+" "+parts[2], "%d %d", &line, &column); err == nil {
			return parts[0], line, column
		}
	}
	return place, 0, 0
}
