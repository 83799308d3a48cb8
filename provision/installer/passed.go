package installer

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// passedOver makes messages of at most size bytes out of lines, as few as will do: the
// journal keeps so many events of one kind a minute.
func passedOver(lines []string, size int) []string {
	var out []string
	for _, l := range lines {
		l = clipText(l, size)
		if last := len(out) - 1; last >= 0 && len(out[last])+1+len(l) <= size {
			out[last] += "\n" + l
			continue
		}
		out = append(out, l)
	}
	return out
}

// realUnit is the file of a unit that the system has, behind an alias (systemd.unit(5)):
// systemctl enables no alias. "" when it has none.
func (m *machine) realUnit(unit string) string {
	if !strings.Contains(unit, ".") {
		unit += ".service"
	}
	file := unit
	if name, rest, ok := strings.Cut(unit, "@"); ok { // an instance's file is that of its template
		file = name + "@" + rest[strings.LastIndex(rest, "."):]
	}
	if !m.hasUnit(file) {
		return ""
	}
	for _, dir := range unitDirs {
		link, err := os.Readlink(filepath.Join(m.target, dir, file))
		if base := filepath.Base(link); err == nil && base != file && m.hasUnit(base) {
			return base
		}
	}
	return unit
}

// serviceStep enables or disables a unit that the system may not have.
type serviceStep struct{ Verb, Unit string }

func (s serviceStep) String() string { return s.Verb + " " + s.Unit + ", if it is there" }

func (s serviceStep) do(ctx context.Context, m *machine) error {
	unit := m.realUnit(s.Unit)
	if unit == "" {
		if s.Verb == "enable" {
			m.warnf("services --enabled=%s is passed over: the system has no such unit", s.Unit)
		}
		return nil // it can't run
	}
	m.con.printf("%s", s)
	err := m.inTarget(ctx, "", "systemctl", s.Verb, "--", unit)
	if err != nil && ctx.Err() == nil {
		m.warnf("services: %s could not be %sd: %v; passed over", s.Unit, s.Verb, err)
		return nil
	}
	return err
}
