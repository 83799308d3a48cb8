package converge

import (
	"context"
	"fmt"
	"strings"
)

// A ServiceState is what systemd says of a unit.
type ServiceState struct {
	Active  string // active, inactive, failed, activating, ... (systemctl is-active)
	Enabled string // enabled, disabled, static, ... (systemctl is-enabled); "" when there is no such unit
}

// Running reports whether the unit runs, or is about to.
func (s ServiceState) Running() bool {
	return s.Active == "active" || s.Active == "reloading" || s.Active == "activating" || s.Active == "refreshing"
}

// holdsEnabled reports whether a unit is as enabled as wanted. One that can't be
// enabled because others start it (static, generated, indirect, alias) is
// neither: there is nothing to do for it.
func (s ServiceState) holdsEnabled(want bool) bool {
	switch s.Enabled {
	case "enabled":
		return want
	case "static", "generated", "indirect", "alias", "transient":
		return true
	}
	return !want && s.Enabled != "enabled-runtime"
}

// Systemd manages services through systemctl(1).
type Systemd struct{ Runner Runner }

// State asks for a unit's state. A unit that doesn't exist is inactive.
func (s Systemd) State(ctx context.Context, name string) (ServiceState, error) {
	var st ServiceState
	// --: a template instance may begin with a dash after unescaping; never an option.
	out, err := s.Runner.Run(ctx, nil, "systemctl", "is-active", "--", name)
	if err != nil {
		return st, err
	}
	// 0 active, 3 not, 4 no such unit: the word says more than the number.
	if st.Active = firstWord(out.Stdout); st.Active == "" {
		return st, fmt.Errorf("systemctl is-active %s: %s", name, out.explain())
	}
	out, err = s.Runner.Run(ctx, nil, "systemctl", "is-enabled", "--", name)
	if err != nil {
		return st, err
	}
	if st.Enabled = firstWord(out.Stdout); st.Enabled == "not-found" { // systemd 252 and later
		st.Enabled = ""
	}
	return st, nil
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
