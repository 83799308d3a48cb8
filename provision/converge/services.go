package converge

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rackhand/provision/converge/command"
	"rackhand/provision/converge/systemd"
)

// Systemd manages services through systemctl(1).
type Systemd struct {
	Paths  Paths
	Runner command.Runner
}

// Units asks for the states of units, by their names, in one call of systemctl; for
// timers, sockets and paths the unit behind counts too. A unit that can't be asked for is
// an error of its own.
func (s Systemd) Units(ctx context.Context, names []string) (map[string]UnitState, error) {
	asked := map[string]bool{}
	var all []string
	ask := func(name string) {
		if !asked[name] {
			asked[name] = true
			all = append(all, name)
		}
	}
	for _, name := range names {
		ask(name)
		if behind, ok := systemd.Activates(name); ok {
			ask(behind)
		}
	}
	units, err := s.show(ctx, all)
	if err != nil {
		return nil, err
	}
	links, err := s.links()
	if err != nil {
		return nil, err
	}
	states := map[string]UnitState{}
	for _, name := range names {
		st := units[name]
		if st.Err == nil {
			st.Behind, st.Err = s.behind(ctx, st.Unit, units)
		}
		if st.Err == nil {
			st.Enabled, st.Err = s.enabled(ctx, st.Unit, links)
		}
		states[name] = st
	}
	return states, nil
}

// A UnitState is a unit, whether it is enabled, and the units that it starts.
type UnitState struct {
	systemd.Unit
	Enabled string // enabled, disabled, static, ... (systemctl is-enabled); "" when there is no such unit
	Behind  []systemd.Unit
	Err     error // why nothing is known of it
}

// Health is that of the unit and of those behind it.
func (s UnitState) Health() (h systemd.Health, why string) {
	h, why = s.Unit.Health()
	for _, b := range s.Behind {
		if h == systemd.Healthy {
			h, why = s.Unit.Behind(b)
		}
	}
	return h, why
}

// atOnce is how many units one call of systemctl is asked for. What it says of one takes a
// kilobyte, and the output of a program is bounded.
const atOnce = 1000

// show asks for the states of units.
func (s Systemd) show(ctx context.Context, names []string) (map[string]UnitState, error) {
	found := map[string]UnitState{}
	for some := range slices.Chunk(names, atOnce) {
		states, err := s.showSome(ctx, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, states)
	}
	return found, nil
}

// showSome runs one systemctl show for all names. If that fails because of one of them, it
// asks for each alone.
func (s Systemd) showSome(ctx context.Context, names []string) (map[string]UnitState, error) {
	// --: a template instance may begin with a dash after unescaping; never an option.
	out, err := s.Runner.Run(ctx, nil, append([]string{"systemctl", "show", "--property=" + systemd.Properties(), "--"}, names...)...)
	if err != nil {
		return nil, err
	}
	units, err := systemd.Parse(out.Stdout)
	found := map[string]UnitState{}
	switch {
	case out.Code == 0 && err == nil && len(units) == len(names):
		for i, name := range names {
			found[name] = UnitState{Unit: units[i]}
		}
	case len(names) == 1:
		if out.Code != 0 || err == nil {
			err = fmt.Errorf("systemctl show %s: %s", names[0], out.Explain())
		}
		found[names[0]] = UnitState{Err: err}
	default:
		for _, name := range names {
			one, err := s.showSome(ctx, []string{name})
			if err != nil {
				return nil, err
			}
			found[name] = one[name]
		}
	}
	return found, nil
}

// behind are the units that a timer, socket or path starts.
func (s Systemd) behind(ctx context.Context, u systemd.Unit, known map[string]UnitState) (behind []systemd.Unit, err error) {
	if _, ok := systemd.Activates(u.ID); !ok || u.ActiveState != "active" {
		return nil, nil
	}
	for _, name := range strings.Fields(u.Triggers) {
		st, ok := known[name]
		if !ok {
			more, err := s.show(ctx, []string{name})
			if err != nil {
				return nil, err
			}
			st = more[name]
		}
		if st.Err != nil {
			return nil, st.Err
		}
		behind = append(behind, st.Unit)
	}
	return behind, nil
}

// enabled is the answer of systemctl is-enabled. It is asked only if the links on the disk
// don't agree with the state that systemd has in memory.
func (s Systemd) enabled(ctx context.Context, u systemd.Unit, links []systemd.Link) (string, error) {
	state := u.FileState
	switch {
	case u.LoadState == "not-found":
		return "", nil
	case state == "generated" && strings.HasPrefix(u.SourcePath, "/etc/init.d/"):
		return s.scriptEnabled(filepath.Base(u.SourcePath))
	case !systemd.Agrees(links, u.ID, state):
		out, err := s.Runner.Run(ctx, nil, "systemctl", "is-enabled", "--", u.ID)
		if err != nil {
			return "", err
		}
		if state = firstWord(out.Stdout); state == "not-found" || state == "" { // the former since systemd 252
			return "", nil
		}
	}
	switch state {
	case "alias":
		return "", fmt.Errorf("%s is an alias, and systemd doesn't say of which unit: name that unit, or run systemctl daemon-reload if its links were changed", u.ID)
	case "indirect":
	default:
		return state, nil
	}
	// So a unit is called that isn't enabled and goes by a second name, or brings others
	// along (Also=), whether it could be enabled itself or not.
	var text strings.Builder
	for _, name := range append([]string{u.FragmentPath}, strings.Fields(u.DropInPaths)...) {
		b, err := readFile(s.Paths.In(name), 1<<20)
		if err != nil {
			return "", fmt.Errorf("the unit file of %s: %w", u.ID, err)
		}
		text.Write(append(b, '\n'))
	}
	if systemd.CanBeEnabled(text.String()) {
		return "disabled", nil
	}
	return state, nil
}

// scriptEnabled looks whether a script of /etc/init.d is started at boot, as Debian's
// systemd-sysv-install does: by its links in rc5.d and rcS.d.
func (s Systemd) scriptEnabled(name string) (string, error) {
	for _, folder := range []string{"/etc/rc5.d", "/etc/rcS.d"} {
		found, err := filepath.Glob(filepath.Join(s.Paths.In(folder), "S[0-9][0-9]"+name))
		if err != nil {
			return "", fmt.Errorf("the links of /etc/init.d/%s: %w", name, err)
		}
		if len(found) > 0 {
			return "enabled", nil
		}
	}
	return "disabled", nil
}

// links are the symbolic links by which units are enabled.
func (s Systemd) links() (links []systemd.Link, err error) {
	root := s.Paths.In("/etc/systemd/system")
	folders := []string{""}
	for _, kind := range []string{"wants", "requires", "upholds"} {
		found, err := filepath.Glob(filepath.Join(root, "*."+kind))
		if err != nil {
			return nil, fmt.Errorf("the links of %s: %w", root, err)
		}
		for _, path := range found {
			folders = append(folders, filepath.Base(path))
		}
	}
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(root, folder))
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("the links of units: %w", err)
		}
		for _, e := range entries {
			if target, err := os.Readlink(filepath.Join(root, folder, e.Name())); err == nil {
				links = append(links, systemd.Link{Folder: folder, Name: e.Name(), Target: target})
			}
		}
	}
	return links, nil
}

func firstWord(text string) string {
	if f := strings.Fields(text); len(f) > 0 {
		return f[0]
	}
	return ""
}

// Do starts, stops, restarts, reloads, enables, disables, masks or unmasks a unit, or reads all
// unit files again (daemon-reload). Before a start, changed unit files are read: systemd goes
// on with the old ones otherwise.
func (s Systemd) Do(ctx context.Context, action, name string) error {
	switch action {
	case "daemon-reload":
		return s.run(ctx, action)
	case "unmask --runtime":
		return s.run(ctx, "unmask", "--runtime", "--", name)
	case "start", "restart", "reload":
		out, err := s.Runner.Run(ctx, nil, "systemctl", "show", "--property=NeedDaemonReload", "--value", "--", name)
		if err != nil {
			return err
		}
		if firstWord(out.Stdout) == "yes" {
			if err := s.run(ctx, "daemon-reload"); err != nil {
				return err
			}
		}
	}
	return s.run(ctx, action, "--", name)
}

func (s Systemd) run(ctx context.Context, args ...string) error {
	out, err := s.Runner.Run(ctx, nil, append([]string{"systemctl"}, args...)...)
	if err != nil {
		return err
	}
	if out.Code != 0 {
		return fmt.Errorf("systemctl %s: %s", strings.Join(args, " "), out.Explain())
	}
	return nil
}
