package converge

import (
	"context"
	"fmt"
	"strings"
)

// A ServiceState is what systemd says of a unit. Under an alias (Debian's
// nfs-kernel-server, openbsd-inetd; sshd, mysql once they are enabled) it is that of
// the unit behind.
type ServiceState struct {
	Active  string // active, inactive, failed, activating, ... (systemctl is-active)
	Enabled string // enabled, disabled, static, ... (systemctl is-enabled); "" when there is no such unit
	// Unit is the unit's own name, to be enabled and disabled by: systemctl refuses
	// some aliases. The name that was asked for where that is no alias.
	Unit string
}

// Running reports whether the unit runs, or is about to.
func (s ServiceState) Running() bool {
	return s.Active == "active" || s.Active == "reloading" || s.Active == "activating" || s.Active == "refreshing"
}

// holdsEnabled reports whether a unit is as enabled as wanted. One that can't be
// enabled because others start it (static, generated, indirect) is neither: there is
// nothing to do for it.
func (s ServiceState) holdsEnabled(want bool) bool {
	switch s.Enabled {
	case "enabled":
		return want
	case "static", "generated", "indirect", "transient":
		return true
	}
	return !want && s.Enabled != "enabled-runtime"
}

// alias is what systemctl is-enabled says of a name that is a link to another unit.
const alias = "alias"

// Systemd manages services through systemctl(1).
type Systemd struct{ Runner Runner }

// State asks for a unit's state. A unit that doesn't exist is inactive.
func (s Systemd) State(ctx context.Context, name string) (ServiceState, error) {
	st := ServiceState{Unit: name}
	// --: a template instance may begin with a dash after unescaping; never an option.
	out, err := s.Runner.Run(ctx, nil, "systemctl", "is-active", "--", name)
	if err != nil {
		return st, err
	}
	// 0 active, 3 not, 4 no such unit: the word says more than the number.
	if st.Active = firstWord(out.Stdout); st.Active == "" {
		return st, fmt.Errorf("systemctl is-active %s: %s", name, out.explain())
	}
	if st.Enabled, err = s.enabled(ctx, name); err != nil || st.Enabled != alias {
		return st, err
	}
	if st.Unit, err = s.behind(ctx, name); err != nil {
		return st, err
	}
	if st.Enabled, err = s.enabled(ctx, st.Unit); err == nil && st.Enabled == alias {
		err = fmt.Errorf("%s is an alias, and systemd doesn't say of which unit: name that unit, or run systemctl daemon-reload if its links were changed", name)
	}
	return st, err
}

// enabled is what systemctl is-enabled says; "" when there is no such unit. Of a unit
// that isn't enabled and goes by a second name, or brings others along (Also=), it
// says indirect, whether it could be enabled itself or not: it is disabled if it could.
func (s Systemd) enabled(ctx context.Context, name string) (string, error) {
	out, err := s.Runner.Run(ctx, nil, "systemctl", "is-enabled", "--", name)
	if err != nil {
		return "", err
	}
	word := firstWord(out.Stdout)
	if word == "not-found" { // systemd 252 and later
		word = ""
	}
	if word != "indirect" {
		return word, nil
	}
	if out, err = s.Runner.Run(ctx, nil, "systemctl", "cat", "--", name); err != nil {
		return "", err
	}
	if out.Code == 0 && canBeEnabled(out.Stdout) {
		word = "disabled"
	}
	return word, nil
}

// canBeEnabled reports whether enabling a unit would make links for it: its [Install]
// section names units to be started by, or other names (systemd.unit(5)).
func canBeEnabled(unit string) bool {
	section := ""
	for line := range strings.Lines(unit) {
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

// behind is the unit that a name is an alias of, at the end of all links.
func (s Systemd) behind(ctx context.Context, name string) (string, error) {
	out, err := s.Runner.Run(ctx, nil, "systemctl", "show", "--property=Id", "--value", "--", name)
	if err != nil {
		return "", err
	}
	unit := firstWord(out.Stdout)
	if out.Code != 0 || unit == "" {
		return "", fmt.Errorf("systemctl show --property=Id %s: %s", name, out.explain())
	}
	return unit, nil
}

func firstWord(text string) string {
	if f := strings.Fields(text); len(f) > 0 {
		return f[0]
	}
	return ""
}

// Do starts, stops, restarts, reloads, enables or disables a unit. Changed unit
// files are read first: systemd goes on with the old ones otherwise.
func (s Systemd) Do(ctx context.Context, action, name string) error {
	switch action {
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
		return fmt.Errorf("systemctl %s: %s", strings.Join(args, " "), out.explain())
	}
	return nil
}
