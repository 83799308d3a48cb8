package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"rackhand/provision/converge"
	"rackhand/provision/converge/upgrade"
)

// version is set by the linker.
var version = "development"

// trialTime is a little less than the time that the running agent gives a trial, so that
// the program on trial can still say what failed.
const trialTime = upgrade.TrialTime - 10*time.Second

// trial is the command by which a running agent tries a new program before it is replaced.
func trial(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("rackhand-agent trial", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root-dir", "", "take every file below this folder")
	if err := flags.Parse(args); err != nil || flags.NArg() > 0 {
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	log := newLog(stdout, false).With("trial", version)
	if err := newAgent(converge.Paths{Root: *root}, log, io.Discard, time.Minute).Trial(ctx, true); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitOK
}

// upgrades lets a daemon's agent replace its program. The error is upgrade.ErrRolledBack or nil.
func upgrades(a *converge.Agent, root string, log *slog.Logger, stdout io.Writer) error {
	path, err := os.Executable()
	if err == nil {
		u := &upgrade.Upgrader{
			Program: upgrade.Program{Path: path}, Record: a.Paths.In("/var/lib/rackhand-agent/upgrade.json"),
			Trial: upgrade.Child(stdout, "trial", "--root-dir", root), Log: log,
			Control: func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				return a.Trial(ctx, false)
			},
		}
		if err = u.Open(); err == nil || errors.Is(err, upgrade.ErrRolledBack) {
			a.Upgrade = u
			return err
		}
	}
	log.Warn("the agent can't upgrade itself", "error", err)
	return nil
}

// goOn starts the program that is in this one's place, if err says so: a new one, or the one
// before it. It goes on as this process: systemd sees no end, and no run lock is held.
func goOn(err error, u *upgrade.Upgrader, exec func(path string) error) error {
	if !errors.Is(err, converge.ErrReplaced) && !errors.Is(err, upgrade.ErrRolledBack) {
		return err
	}
	path := filepath.Clean(u.Program.Path)
	if err := exec(path); err != nil {
		return fmt.Errorf("starting the program %s: %w (systemd starts it)", path, err)
	}
	return nil
}

// execve replaces this process by a program, with the same arguments.
func execve(path string) error {
	return syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ())
}
