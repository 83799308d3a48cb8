package checks

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// exec runs a program. runuser(1) knows every user that the host knows, whatever its source.
func (k Checker) exec(ctx context.Context, e *catalog.ExecCheck) (string, error) {
	args := e.Command
	if e.User != "" {
		args = append(append(command.Bare(), "runuser", "-u", e.User, "--"), args...)
	}
	out, err := k.Runner.Run(ctx, nil, args...)
	if err != nil {
		return "", err
	}
	if out.Code != e.Exit {
		return "", fmt.Errorf("exit status %d was expected: %s", e.Exit, out.Explain())
	}
	text := out.Stdout[:min(len(out.Stdout), maxOutput)] + out.Stderr
	if err := e.Judge("its output", text); err != nil {
		if text = strings.TrimSpace(text); text != "" {
			err = fmt.Errorf("%w, it is: %s", err, command.Short(text[:min(len(text), 200)]))
		}
		return "", err
	}
	return fmt.Sprintf(" exits with %d", out.Code), nil
}

// maxNamed bounds the failed units that a message names.
const maxNamed = 10

// systemd counts the failed units.
func (k Checker) systemd(ctx context.Context, s *catalog.SystemdCheck) (string, error) {
	out, err := k.Runner.Run(ctx, nil, "systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--full", "--no-pager")
	if err != nil {
		return "", err
	}
	if out.Code != 0 {
		return "", fmt.Errorf("systemctl list-units: %s", out.Explain())
	}
	failed := failedUnits(out.Stdout, s.Except)
	if len(failed) > s.Failed {
		names := failed[:min(len(failed), maxNamed)]
		more := ""
		if n := len(failed) - len(names); n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		return "", fmt.Errorf("%d failed, at most %d may: %s%s", len(failed), s.Failed, strings.Join(names, ", "), more)
	}
	return fmt.Sprintf(": %d", len(failed)), nil
}

// failedUnits reads the output of systemctl list-units. Older versions put a mark before the
// name of a failed unit, also with --plain.
func failedUnits(text string, except []string) (names []string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(strings.TrimLeft(line, "●*× \t"))
		if len(fields) < 4 {
			continue
		}
		name := command.Printable(fields[0])
		excepted := slices.ContainsFunc(except, func(pattern string) bool {
			ok, err := path.Match(pattern, fields[0])
			return err == nil && ok
		})
		if !excepted {
			names = append(names, name)
		}
	}
	return names
}
