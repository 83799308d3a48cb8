package main

import (
	"context"
	crand "crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge"
)

const usage = `rackhand-agent keeps this host as the appliance's catalog says.

  rackhand-agent daemon [--interval 30m]   converge now and at every interval
  rackhand-agent run                       converge once; exit 0 unless something failed
  rackhand-agent once [--noop]             converge once; exit 0: nothing to do, 2: changed, 1: failed
                                           with --noop change nothing; exit 0: in sync, 2: drift, 1: failed
  rackhand-agent enrol --token TOKEN       get a certificate by the token that ` + "`rackhand enrol HOST`" + ` printed
  rackhand-agent version                   print the version of this agent
`

// Exit codes. 2 is for a change, as puppet --detailed-exitcodes has it; a wrong
// command line is 64 (EX_USAGE in sysexits.h), so that it is never taken for one.
const (
	exitOK      = 0
	exitFailed  = 1
	exitChanged = 2
	exitUsage   = 64
)

// run is the program without its process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	command := args[0]
	flags := flag.NewFlagSet("rackhand-agent "+command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root-dir", "", "take every file, the agent's own and the managed ones, below this folder")
	wait := flags.Duration("wait", 5*time.Minute, "how long to wait for another run to end")
	lockWait := flags.Duration("package-lock-wait", 2*time.Minute, "how long to wait for another package manager")
	verbose := flags.Bool("verbose", false, "name the resources that hold already, too")
	var interval time.Duration
	var noop bool
	switch command {
	case "daemon":
		flags.DurationVar(&interval, "interval", 30*time.Minute, "time between two runs")
	case "once":
		flags.BoolVar(&noop, "noop", false, "change nothing, tell what would be changed")
	case "run":
	case "trial":
		return trial(ctx, args[1:], stdout, stderr)
	case "enrol":
		return enrol(ctx, args[1:], os.Stdin, stdout, stderr)
	case "version", "--version":
		fmt.Fprintln(stdout, version)
		return exitOK
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return exitOK
	default:
		fmt.Fprintf(stderr, "rackhand-agent: there is no command %q\n\n%s", command, usage)
		return exitUsage
	}
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	if flags.NArg() > 0 || interval < 0 {
		fmt.Fprintf(stderr, "rackhand-agent %s: not understood: %q\n", command, flags.Args())
		return exitUsage
	}
	agent := newAgent(converge.Paths{Root: *root}, newLog(stdout, *verbose), stdout, *lockWait)
	agent.Interval, agent.LockWait = interval, *wait
	if command == "daemon" {
		upgrades(agent, *root, agent.Log, stdout)
		if err := daemon(ctx, agent, execve); err != nil {
			fmt.Fprintln(stderr, "rackhand-agent:", err)
			return exitFailed
		}
		return exitOK
	}
	status, err := agent.Once(ctx, noop)
	if err != nil {
		fmt.Fprintln(stderr, "rackhand-agent:", err)
		return exitFailed
	}
	switch {
	case status == catalog.Failed:
		return exitFailed
	case status == catalog.Changed && command == "once":
		return exitChanged
	}
	return exitOK
}

// newAgent builds the agent of this machine.
func newAgent(paths converge.Paths, log *slog.Logger, diffs io.Writer, lockWait time.Duration) *converge.Agent {
	runner, clock := converge.Exec{}, converge.SystemClock{}
	apt := &converge.Apt{Paths: paths, Runner: runner, Sleep: converge.Sleep, Clock: time.Now, LockWait: lockWait}
	contents := &converge.Contents{Paths: paths, Log: log}
	return &converge.Agent{
		Paths: paths, Log: log, Clock: clock, Sleep: converge.Sleep,
		Synchronised: clock.Synchronised, Uptime: clock.Uptime,
		Random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), Keys: crand.Reader,
		Apt: apt, Version: version,
		Engine: &converge.Engine{
			Packages: apt, Services: converge.Systemd{Paths: paths, Runner: runner},
			Files: &converge.Files{Paths: paths, Runner: runner, Random: crand.Reader, Contents: contents}, Contents: contents,
			Log: log, Clock: time.Now, Sleep: converge.Sleep, Diffs: diffs,
			Boot: func() string { boot, _ := clock.Uptime(); return boot },
		},
	}
}

// newLog writes lines for journald, which adds the time by itself.
func newLog(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{}
			}
			return a
		},
	}))
}
