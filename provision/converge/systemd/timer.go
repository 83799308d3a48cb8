package systemd

import (
	"fmt"
	"strings"

	"rackhand/provision/catalog"
)

// header begins the unit files that a resource declares.
func header(id string) string { return "# Managed by rackhand: " + id + ". Changes are undone.\n" }

// TimerFiles are the unit files of a timer: of the service that it starts, and its own.
func TimerFiles(t *catalog.Timer) []*catalog.File {
	name := catalog.UnitFolder + "/" + t.Name
	if t.Ensure == catalog.Absent {
		return []*catalog.File{{Path: name + ".timer", Ensure: catalog.Absent}, {Path: name + ".service", Ensure: catalog.Absent}}
	}
	id := catalog.ID(catalog.KindTimer, t.Name)
	of := func(suffix, text string) *catalog.File {
		return &catalog.File{Path: name + suffix, Ensure: catalog.FileKind, Content: header(id) + text, Mode: "0644", Owner: "root", Group: "root"}
	}
	timer := of(".timer", timerUnit(t))
	if len(t.Schedule) > 0 {
		// The first argument is the file, which can't be checked under another name.
		timer.Validate = append([]string{"/bin/sh", "-c", `shift; exec systemd-analyze calendar -- "$@"`, "sh", "%s"}, t.Schedule...)
	}
	return []*catalog.File{of(".service", serviceUnit(t)), timer}
}

func serviceUnit(t *catalog.Timer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[Unit]\nDescription=%s\n\n[Service]\nType=oneshot\n", description(t))
	if t.User != "" {
		fmt.Fprintf(&b, "User=%s\n", t.User)
	}
	for _, v := range t.Environment {
		fmt.Fprintf(&b, "Environment=%s\n", quote(v, false))
	}
	words := []string{t.Command[0]}
	for _, word := range t.Command[1:] {
		words = append(words, quote(word, true))
	}
	fmt.Fprintf(&b, "ExecStart=%s\n", strings.Join(words, " "))
	return b.String()
}

func timerUnit(t *catalog.Timer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[Unit]\nDescription=%s\n\n[Timer]\n", description(t))
	for _, s := range t.Schedule {
		fmt.Fprintf(&b, "OnCalendar=%s\n", s)
	}
	for _, s := range []struct {
		key     string
		seconds int
	}{{"OnBootSec", t.Boot}, {"OnUnitActiveSec", t.Every}, {"OnActiveSec", first(t)}, {"RandomizedDelaySec", t.RandomDelay}} {
		if s.seconds > 0 {
			fmt.Fprintf(&b, "%s=%d\n", s.key, s.seconds)
		}
	}
	if t.Persistent {
		b.WriteString("Persistent=true\n")
	}
	b.WriteString("\n[Install]\nWantedBy=timers.target\n")
	return b.String()
}

// first is how long after its own start a timer starts the service for the first time, where
// nothing else does: every counts from the start before.
func first(t *catalog.Timer) int {
	if len(t.Schedule) > 0 || t.Boot > 0 {
		return 0
	}
	return t.Every
}

func description(t *catalog.Timer) string {
	if t.Description == "" {
		return t.Name
	}
	return strings.ReplaceAll(t.Description, "%", "%%")
}

// quote writes a word as unit files have it (systemd.service(5), "Command lines"). $ is
// special in command lines alone.
func quote(word string, command bool) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(word) {
		switch c := word[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '%' || c == '$' && command:
			b.WriteByte(c)
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// DropIn is the file of settings that a service declares beside its unit file; nil for none.
func DropIn(s *catalog.Service) *catalog.File {
	if s.DropIn == nil {
		return nil
	}
	f := &catalog.File{Path: s.DropInPath(), Ensure: catalog.Absent}
	if *s.DropIn != "" {
		f.Ensure, f.Mode, f.Owner, f.Group = catalog.FileKind, "0644", "root", "root"
		f.Content = header(catalog.ID(catalog.KindService, s.Name)) + strings.TrimRight(*s.DropIn, "\n") + "\n"
	}
	return f
}
