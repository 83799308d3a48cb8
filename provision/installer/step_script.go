package installer

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
)

func (m *machine) doScript(ctx context.Context, s plan.ScriptStep) error {
	name := s.Script.Section.Name
	what := fmt.Sprintf("%s of line %d", name, s.Script.Section.Pos.Line)
	m.Event(report.Event{Kind: "script", Message: what + " runs"})
	err := m.script(ctx, s)
	switch {
	case err == nil:
		return nil
	case s.Script.ErrorOnFail:
		return &plan.Failure{Kind: plan.FailScript, Err: fmt.Errorf("%s: %w", what, err)}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	m.Warnf("%s failed, and goes on without --erroronfail: %v", what, err)
	return nil
}

// script runs a script from a file in memory, for it may hold secrets.
func (m *machine) script(ctx context.Context, s plan.ScriptStep) error {
	root, dir := "", "/tmp"
	if !s.Script.NoChroot {
		root, dir = m.target, "/run" // a tmpfs, see bindStep
	}
	m.scripts++
	path := fmt.Sprintf("%s/ks-script-%d", dir, m.scripts)
	file := filepath.Join("/", root, path)
	if err := os.WriteFile(file, []byte(s.Script.Section.Body), 0o700); err != nil {
		return err
	}
	defer os.Remove(file)
	log, err := m.scriptLog(s)
	if err != nil {
		return err
	}
	if log != nil {
		defer log.Close()
		return m.run(ctx, root, scriptLimit, log, "", s.Script.Interpreter, path)
	}
	return m.run(ctx, root, scriptLimit, nil, "", s.Script.Interpreter, path)
}

// scriptLog opens the file of --log, in the installer or in the system; nil for
// none.
func (m *machine) scriptLog(s plan.ScriptStep) (io.WriteCloser, error) {
	if s.Script.Log == "" {
		return nil, nil
	}
	base := "/"
	if !s.Script.NoChroot {
		base = m.target
	}
	root, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name := s.Script.Log[1:]
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (m *machine) doReport(_ context.Context, s plan.ReportStep) error {
	m.Warnf("%s", s.Message)
	return nil
}
