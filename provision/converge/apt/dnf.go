package apt

import "strings"

// ParseDnf reads the table of a transaction that dnf shows before it asks (dnf --assumeno).
// The versions before an upgrade don't stand in it.
func ParseDnf(text string) Plan {
	p := Plan{Install: map[string]Change{}, Remove: map[string]string{}}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "Transaction Summary"):
			return p
		case line != "" && line[0] != ' ' && strings.HasSuffix(line, ":"):
			section = strings.TrimSuffix(line, ":")
			continue
		case len(line) < 2 || line[0] != ' ' || line[1] == ' ': // the rest of a long line
			continue
		}
		f := strings.Fields(line) // name, architecture, version, repository, size
		version := ""
		if len(f) > 2 {
			version = f[2]
		}
		switch section {
		case "Installing", "Installing dependencies", "Installing weak dependencies", "Upgrading", "Reinstalling":
			p.Install[f[0]] = Change{To: version}
		case "Downgrading":
			p.Install[f[0]] = Change{To: version}
			p.Downgrade = append(p.Downgrade, f[0])
		case "Removing", "Removing dependent packages", "Removing unused dependencies":
			p.Remove[f[0]] = version
		}
	}
	return p
}
