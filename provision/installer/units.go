package installer

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"rackhand/provision/installer/plan"
)

// unitDirs are where a system's units lie, below its root, the first one wins
// (systemd.unit(5)).
var unitDirs = []string{"etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

// maxUnit bounds what is read of a unit's file.
const maxUnit = 64 << 10

// unitBehind is the unit that a name stands for, in a system that doesn't run, and
// whether it is there. Kickstarts say sshd where Debian's unit is ssh.service, and
// systemctl refuses to enable or disable an alias. Without a type the name is a service's.
func unitBehind(root *os.Root, name string) (unit string, found bool) {
	if path.Ext(name) == "" {
		name += ".service"
	}
	for range 8 { // a chain of links
		found, target := findUnit(root, templateOf(name))
		if !found {
			if real := unitWithAlias(root, name); real != "" {
				return real, true
			}
			return name, false
		}
		next := path.Base(target)
		if target == "" || target == "/dev/null" || next == templateOf(name) || path.Ext(next) != path.Ext(name) {
			return name, true // its own file, masked, or linked from elsewhere under its own name
		}
		name = next
	}
	return name, true
}

// templateOf is the name of the file of an instance: getty@.service of getty@tty1.
func templateOf(unit string) string {
	if prefix, rest, ok := strings.Cut(unit, "@"); ok {
		return prefix + "@" + path.Ext(rest)
	}
	return unit
}

// hasUnit reports whether the system has a unit of systemd's.
func (m *machine) hasUnit(unit string) (found bool) {
	err := m.inRoot(func(root *os.Root) error {
		found, _ = findUnit(root, unit)
		return nil
	})
	return err == nil && found
}

// findUnit looks a unit's file up; target is where it leads when it is a link.
func findUnit(root *os.Root, name string) (found bool, target string) {
	for _, dir := range unitDirs {
		st, err := root.Lstat(path.Join(dir, name))
		if err != nil {
			continue
		}
		if st.Mode()&fs.ModeSymlink == 0 {
			return true, ""
		}
		target, err := root.Readlink(path.Join(dir, name))
		return err == nil, target
	}
	return false, ""
}

// unitWithAlias finds the unit that gets a name once it is enabled (Alias= in its
// [Install]); "" if no unit does.
func unitWithAlias(root *os.Root, alias string) string {
	for _, dir := range unitDirs {
		entries, err := fs.ReadDir(root.FS(), dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if e.Type().IsRegular() && path.Ext(e.Name()) == path.Ext(alias) && slices.Contains(aliases(root, path.Join(dir, e.Name())), alias) {
				return e.Name()
			}
		}
	}
	return ""
}

// aliases reads Alias= of a unit's file.
func aliases(root *os.Root, name string) []string {
	f, err := root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []string
	section := ""
	lines := bufio.NewScanner(f)
	for n := 0; n < maxUnit && lines.Scan(); n += len(lines.Bytes()) + 1 {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = line
		}
		key, value, ok := strings.Cut(line, "=")
		if ok && section == "[Install]" && strings.TrimSpace(key) == "Alias" {
			out = append(out, strings.Fields(value)...)
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, bufio.ErrTooLong) {
		return nil
	}
	return out
}

func (m *machine) doService(ctx context.Context, s plan.ServiceStep) error {
	var unit string
	var found bool
	err := m.inRoot(func(root *os.Root) error {
		unit, found = unitBehind(root, s.Unit)
		return nil
	})
	if err != nil {
		return err
	}
	if !found && s.Skip {
		if s.Verb == "enable" {
			m.Warnf("services --enabled=%s is skipped: the system has no such unit", s.Unit)
		}
		return nil // it can't run
	}
	m.Con.Printf("%s", s)
	err = m.inTarget(ctx, "", "systemctl", s.Verb, "--", unit)
	if err != nil && ctx.Err() == nil && s.Skip {
		m.Warnf("services: %s could not be %sd: %v; skipped", s.Unit, s.Verb, err)
		return nil
	}
	return err
}
