package appliance

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// placeholder stands for what is only known in an install: a token, a secret, a
// checksum.
var placeholder = strings.Repeat("0", 64)

// tryHosts makes for each host what an install of it would make, with
// placeholders for secrets: its Kickstart is rendered and held against the engine
// that would carry it out, its boot scripts are rendered, its role is compiled. What would go wrong in the
// middle of an install goes wrong here. The same problem of many hosts is told
// once, for the first of them.
func tryHosts(dir string, snap *inventory.Snapshot, roles *role.Set) inventory.Problems {
	set := templates.New(filepath.Join(dir, "templates"))
	secret := func(string) (string, error) { return placeholder, nil }
	var all inventory.Problems
	told := make(map[string]bool)
	tell := func(ps ...problem.Problem) {
		for _, p := range ps {
			key := fmt.Sprint(p.Line, p.Column, p.Message)
			if !told[key] {
				told[key] = true
				all = append(all, p)
			}
		}
	}
	for _, name := range snap.HostNames() {
		h := snap.Hosts[name]
		if h.System != nil && h.System.Installer != inventory.InstallerImage {
			tell(problemsOf(fmt.Errorf("its system %s has `installer: %s`, which this version cannot carry out yet: use a system with `installer: image`", h.System.Name, h.System.Installer), h)...)
		} else if h.System != nil {
			tell(tryKickstart(set, h, secret)...)
			tell(tryScripts(set, h, secret)...)
		}
		if h.Role != "" {
			_, err := compileRole(roles, set, h, "http://192.0.2.1", secret)
			tell(problemsOf(err, h)...)
		}
	}
	return all
}

// tryData is what an install's templates would be rendered from.
func tryData(h *inventory.Host) templates.Data {
	const url = "http://192.0.2.1" // TEST-NET-1: never an appliance
	return templates.Data{
		Host: h, Appliance: templates.Appliance{URL: url, Agents: url},
		Image:   templates.Image{URL: url + "/root.tar.zst", SHA256: placeholder, Kernel: url, Initrd: url},
		Mirrors: map[string]string{"debian": url},
		Install: templates.Install{ID: h.Name + "-0", Kickstart: url, Report: url, Agent: url, CA: url, EnrolToken: placeholder, BootIF: "01-" + h.MACs[0].String()},
	}
}

// tryScripts renders the boot scripts that a host may be handed: iPXE's, and GRUB's
// where that is what boots it.
func tryScripts(set *templates.Set, h *inventory.Host, secret func(string) (string, error)) inventory.Problems {
	scripts := []string{"install.ipxe", "disk.ipxe"}
	if h.Boot.SecureBoot || h.System.Processor() == inventory.ArchARM64 {
		scripts = append(scripts, "install.grub", "disk.grub", "wait.grub")
	}
	for _, name := range scripts {
		if _, err := set.Render(name, tryData(h), templates.Funcs(h, secret)); err != nil {
			return problemsOf(fmt.Errorf("its boot script does not render: %w", err), h)
		}
	}
	return nil
}

// tryKickstart renders a host's Kickstart and checks it for its engine.
func tryKickstart(set *templates.Set, h *inventory.Host, secret func(string) (string, error)) inventory.Problems {
	text, err := set.Render(h.Kickstart, tryData(h), templates.Funcs(h, secret))
	if err != nil {
		return problemsOf(fmt.Errorf("its Kickstart does not render: %w", err), h)
	}
	f, err := kickstart.Parse(h.Kickstart, []byte(text))
	found := []*kickstart.Problem{}
	switch p := (*kickstart.Problem)(nil); {
	case errors.As(err, &p):
		found = append(found, p)
	case err != nil:
		return problemsOf(err, h)
	default:
		found, err = kickstart.CheckEngine(f, kickstart.EngineImage)
	}
	if err != nil && len(found) == 0 {
		return problemsOf(err, h)
	}
	var out inventory.Problems
	lines := strings.Split(text, "\n")
	for _, p := range kickstart.Errors(found) {
		line := ""
		if p.Pos.Line >= 1 && p.Pos.Line <= len(lines) {
			line = strings.ReplaceAll(lines[p.Pos.Line-1], placeholder, "***")
		}
		out = append(out, problem.Problem{
			File: h.Kickstart + " as rendered for " + h.Name, Line: p.Pos.Line, Column: p.Pos.Col,
			Message: p.Message, Hint: p.Hint, Text: line,
		})
	}
	return out
}

// problemsOf makes problems of an error; one without a place of its own gets that
// of the host.
func problemsOf(err error, h *inventory.Host) inventory.Problems {
	if err == nil {
		return nil
	}
	var ps inventory.Problems
	if errors.As(err, &ps) {
		return ps
	}
	p := problem.Problem{File: h.Line, Message: fmt.Sprintf("host %s: %v", h.Name, err)}
	// Line is file:line:column.
	if parts := strings.Split(h.Line, ":"); len(parts) == 3 {
		if _, err := fmt.Sscanf(parts[1]+" "+parts[2], "%d %d", &p.Line, &p.Column); err == nil {
			p.File = parts[0]
		}
	}
	return inventory.Problems{p}
}
