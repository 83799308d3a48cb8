package provider

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

// execute runs commands.
type execute struct{ Host }

// Acts: nothing shows afterwards that a command was run.
func (p execute) Acts(*catalog.Resource) bool { return true }

func (p execute) Check(ctx context.Context, r *catalog.Resource) ([]string, error) {
	if r.Exec.RefreshOnly {
		return nil, nil
	}
	due, err := p.due(ctx, r.Exec)
	if err != nil || !due {
		return nil, err
	}
	return []string{"run"}, nil
}

func (p execute) Apply(ctx context.Context, r *catalog.Resource) error {
	e := r.Exec
	out, err := p.as(ctx, e, e.Command)
	if err != nil {
		return err
	}
	success := e.Exit
	if len(success) == 0 {
		success = []int{0}
	}
	if slices.Contains(success, out.Code) {
		return nil
	}
	if e.Sensitive {
		return fmt.Errorf("%s: exit status %d", path.Base(e.Command[0]), out.Code)
	}
	return fmt.Errorf("%s: %s", path.Base(e.Command[0]), out.Explain())
}

// Refresh runs a command that was notified; its conditions hold here, too.
func (p execute) Refresh(ctx context.Context, r *catalog.Resource, noop bool) (string, error) {
	due, err := p.due(ctx, r.Exec)
	if err == nil && due && !noop {
		err = p.Apply(ctx, r)
	}
	if err != nil || !due {
		return "", err
	}
	return "run", nil
}

// due reports whether the conditions let a command be run.
func (p execute) due(ctx context.Context, e *catalog.Exec) (bool, error) {
	if e.Creates != "" && p.exists(e.Creates) {
		return false, nil
	}
	if e.Cwd != "" && !p.exists(e.Cwd) {
		return false, &Missing{Err: fmt.Errorf("there is no folder %s to run it in", e.Cwd), By: []string{catalog.ID(catalog.KindFile, e.Cwd)}}
	}
	for _, condition := range []struct {
		command []string
		zero    bool // it has to end with status 0
	}{{e.Unless, false}, {e.OnlyIf, true}} {
		if condition.command == nil {
			continue
		}
		if err := p.lacks(condition.command[0]); err != nil {
			return false, err
		}
		out, err := p.as(ctx, e, condition.command)
		if err != nil {
			return false, err
		}
		if (out.Code == 0) != condition.zero {
			return false, nil
		}
	}
	return true, p.lacks(e.Command[0])
}

// lacks returns a *Missing if a program isn't there.
func (p execute) lacks(program string) error {
	candidates := []string{program}
	switch {
	case path.IsAbs(program):
	case strings.Contains(program, "/"):
		return nil // below its folder
	default:
		candidates = nil
		for dir := range strings.SplitSeq(cmp.Or(os.Getenv("PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ":") {
			candidates = append(candidates, path.Join("/", dir, program))
		}
	}
	if slices.ContainsFunc(candidates, p.exists) {
		return nil
	}
	return &Missing{Err: fmt.Errorf("there is no program %s: declare the package that brings it", program), By: []string{catalog.ID(catalog.KindFile, program)}}
}

// as runs a command as an exec says: in its folder, as its user.
func (p execute) as(ctx context.Context, e *catalog.Exec, words []string) (command.Output, error) {
	env := e.Environment
	var line []string
	if e.User != "" && e.User != "root" {
		users, err := p.table(ctx, passwdFile)
		if err != nil {
			return command.Output{}, err
		}
		u, err := users.entry(passwdFile, e.User, 7)
		if err != nil {
			return command.Output{}, err
		}
		if u == nil {
			id := catalog.ID(catalog.KindUser, e.User)
			return command.Output{}, &Missing{Err: fmt.Errorf("there is no user %s in %s: declare %s", e.User, passwdFile, id), By: []string{id}}
		}
		line = command.Bare(append([]string{"USER=" + u[0], "LOGNAME=" + u[0], "HOME=" + u[5]}, env...)...)
		line, env = append(line, "setpriv", "--reuid="+u[2], "--regid="+u[3], "--init-groups", "--"), nil
	}
	if e.Cwd != "" || e.Umask != "" {
		line = append(line, "/bin/sh", "-ec", `cd -- "$1"; umask "$2"; shift 2; exec "$@"`, "sh", cmp.Or(e.Cwd, "/"), cmp.Or(e.Umask, "022"))
	}
	return p.Runner.Run(ctx, env, append(line, words...)...)
}
