package systemd

import "strings"

// HoldsEnabled reports whether a unit is as enabled as wanted. One that can't be
// enabled because others start it (static, generated, indirect) is neither: there is
// nothing to do for it.
func HoldsEnabled(state string, want bool) bool {
	switch state {
	case "enabled":
		return want
	case "static", "generated", "indirect", "transient":
		return true
	}
	return !want && state != "enabled-runtime"
}

// A Link is a symbolic link below /etc/systemd/system.
type Link struct {
	Folder string // multi-user.target.wants; "" for the folder itself
	Name   string // web.service
	Target string // as readlink(2) has it
}

// Agrees reports whether links bear out what systemd says of a unit: that something wants
// it or gives it another name, that nothing does, that it is masked. systemd keeps what it
// once read of this until it reloads, so a link that came or went meanwhile is seen here
// alone.
func Agrees(links []Link, unit, state string) bool {
	linked, masked := false, false
	for _, l := range links {
		target := l.Target[strings.LastIndex(l.Target, "/")+1:]
		switch {
		case l.Folder == "" && l.Name == unit && l.Target == "/dev/null":
			masked = true
		case l.Folder == "" && target == unit && l.Name != unit, l.Folder != "" && (l.Name == unit || target == unit):
			linked = true
		}
	}
	switch state {
	case "enabled":
		return linked && !masked
	case "disabled", "indirect", "static":
		return !linked && !masked
	case "masked": // perhaps by the package, below /lib
		return masked || !linked
	}
	return true
}

// CanBeEnabled reports whether enabling a unit would make links for it: its [Install]
// section names units to be started by, or other names (systemd.unit(5)). text is the
// unit's file and its drop-ins.
func CanBeEnabled(text string) bool {
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		if section != "[Install]" || strings.TrimSpace(value) == "" {
			continue
		}
		switch strings.TrimSpace(key) {
		case "WantedBy", "RequiredBy", "UpheldBy", "Alias":
			return true
		}
	}
	return false
}
