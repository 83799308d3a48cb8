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
	"strings"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge"
	"rackhand/provision/converge/backup"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/facts"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/packages"
	"rackhand/provision/converge/provider"
)

const usage = `rackhand-agent keeps this host as the appliance's catalog says.

  rackhand-agent daemon [--interval 30m]   converge now, at every interval, and when the appliance orders it
  rackhand-agent run [--tags a,b]          converge once; with --tags only resources with one of these tags
  rackhand-agent once [--noop] [--tags a,b]
                                           the same; with --noop change nothing, print what would change
  rackhand-agent status [--json]           last and next run, catalog, pending restarts, certificate
  rackhand-agent disable --reason TEXT --until TIME
                                           make no runs until then: 2h, 3d, 18:00, 2026-12-01 18:00; at most 30 days
  rackhand-agent enable                    make runs again
  rackhand-agent backups [FILE] [--json]   list the copies of files that runs replaced or removed
  rackhand-agent restore FILE [--at TIME | --id N]
                                           put the latest copy back, or FILE as it was: 2h ago, at 18:00, 2026-12-01 18:00
  rackhand-agent facts                     print the facts of this host, as JSON
  rackhand-agent enrol --token TOKEN       get a certificate by the token that ` + "`rackhand enrol HOST`" + ` printed
  rackhand-agent version                   print the version of this agent

exit codes of run and once
  0   nothing to do; with --noop: in sync
  1   the run itself failed: no catalog, disabled, another run
  2   something was changed; with --noop: would be
  4   something failed
  6   both 2 and 4
  64  the command line is wrong
`

// Exit codes. A wrong command line is EX_USAGE of sysexits.h, so that it is never taken for
// the outcome of a run.
const (
	exitOK     = catalog.ExitOK
	exitFailed = catalog.ExitRunFailed
	exitUsage  = catalog.ExitUsage
)

// options are the flags of all commands.
type options struct {
	root                     string
	wait, lockWait, interval time.Duration
	verbose, noop, json      bool
	reason, until            string
	tags                     []string
	file, at                 string
	id                       int
}

// parse reads the flags of a command. done: the command has ended with the exit code.
func parse(args []string, stdout, stderr io.Writer) (o options, code int, done bool) {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return o, exitUsage, true
	}
	command := args[0]
	flags := flag.NewFlagSet("rackhand-agent "+command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.root, "root-dir", "", "take every file, the agent's own and the managed ones, below this folder")
	switch command {
	case "daemon", "once", "run":
		flags.DurationVar(&o.wait, "wait", 5*time.Minute, "how long to wait for another run to end")
		flags.DurationVar(&o.lockWait, "package-lock-wait", 2*time.Minute, "how long to wait for another package manager")
		flags.BoolVar(&o.verbose, "verbose", false, "name the resources that hold already, too")
	}
	if command == "once" || command == "run" {
		flags.Func("tags", "take only resources with one of these tags, and those that they require: a,b", func(text string) error {
			o.tags = strings.Split(text, ",")
			return catalog.CheckTags(o.tags)
		})
	}
	switch command {
	case "daemon":
		flags.DurationVar(&o.interval, "interval", 30*time.Minute, "time between two runs")
	case "once":
		flags.BoolVar(&o.noop, "noop", false, "change nothing, print what would change")
	case "restore":
		flags.DurationVar(&o.wait, "wait", 5*time.Minute, "how long to wait for a run to end")
		flags.StringVar(&o.at, "at", "", "the file as it was then: 2h, 18:00, 2026-12-01 18:00")
		flags.IntVar(&o.id, "id", 0, "the number of a backup")
	case "status", "backups":
		flags.BoolVar(&o.json, "json", false, "as JSON")
	case "disable":
		flags.StringVar(&o.reason, "reason", "", "why, for people who find the host disabled")
		flags.StringVar(&o.until, "until", "", "until when: 2h, 3d, 18:00, 2026-12-01 18:00")
	case "run", "enable", "facts":
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return o, exitOK, true
	default:
		fmt.Fprintf(stderr, "rackhand-agent: there is no command %q\n\n%s", command, usage)
		return o, exitUsage, true
	}
	if err := flags.Parse(args[1:]); errors.Is(err, flag.ErrHelp) {
		return o, exitOK, true
	} else if err != nil {
		return o, exitUsage, true
	}
	if (command == "backups" || command == "restore") && flags.NArg() > 0 {
		// Flags may follow the file.
		o.file = flags.Arg(0)
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return o, exitUsage, true
		}
	}
	if flags.NArg() > 0 || o.interval < 0 {
		fmt.Fprintf(stderr, "rackhand-agent %s: not understood: %q\n", command, flags.Args())
		return o, exitUsage, true
	}
	return o, exitOK, false
}

// run is the program without its process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "trial":
			return trial(ctx, args[1:], stdout, stderr)
		case "enrol":
			return enrol(ctx, args[1:], os.Stdin, stdout, stderr)
		case "version", "--version":
			fmt.Fprintln(stdout, version)
			return exitOK
		}
	}
	o, code, done := parse(args, stdout, stderr)
	if done {
		return code
	}
	agent := newAgent(converge.Paths{Root: o.root}, newLog(stdout, o.verbose), stdout, o.lockWait)
	agent.Interval, agent.LockWait = o.interval, o.wait
	var err error
	code = exitOK
	switch args[0] {
	case "daemon":
		agent.Orders = true
		err = upgrades(agent, o.root, agent.Log, stdout)
		if err == nil {
			err = agent.Run(ctx)
		}
		err = goOn(err, agent.Upgrade, execve)
	case "status":
		err = status(agent, o, stdout)
	case "disable":
		code, err = disable(ctx, agent, o, stdout)
	case "enable":
		err = enable(ctx, agent, stdout)
	case "backups":
		err = backups(agent, o, stdout)
	case "restore":
		code, err = restore(ctx, agent, o, stdout)
	case "facts":
		err = printFacts(ctx, o, stdout)
	default:
		var report catalog.Report
		report, err = agent.Make(ctx, converge.Demand{Noop: o.noop, Tags: o.tags})
		code = report.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(stderr, "rackhand-agent:", err)
		if code != exitUsage {
			code = exitFailed
		}
	}
	return code
}

// manager is a package manager whose index the agent remembers.
type manager interface {
	converge.PackageManager
	converge.Indexed
}

// packageManager is dnf where there is no apt-get, and apt otherwise.
func packageManager(paths converge.Paths, runner command.Runner, lockWait time.Duration) manager {
	if command.UsesDnf(paths.Root) {
		return &packages.Dnf{Root: paths.Root, Runner: runner, Clock: time.Now}
	}
	return &packages.Apt{Root: paths.Root, Runner: runner, Sleep: converge.Sleep, Clock: time.Now, LockWait: lockWait}
}

// newAgent builds the agent of this machine.
func newAgent(paths converge.Paths, log *slog.Logger, diffs io.Writer, lockWait time.Duration) *converge.Agent {
	runner, clock := command.Exec{}, converge.SystemClock{}
	packageManager := packageManager(paths, runner, lockWait)
	contents := &converge.Contents{Paths: paths, Log: log}
	fileManager := &files.Files{Root: paths.Root, Runner: runner, Random: crand.Reader, Contents: contents, Log: log}
	fileManager.Backups = &backup.Store{Folder: paths.Backups(), Clock: time.Now}
	return &converge.Agent{
		Paths: paths, Log: log, Clock: clock, Sleep: converge.Sleep,
		Synchronised: clock.Synchronised, Uptime: clock.Uptime,
		Random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), Keys: crand.Reader,
		Runner: runner, Packages: packageManager, Version: version,
		Facts: func(ctx context.Context) facts.Facts { return converge.GatherFacts(ctx, paths) },
		Engine: &converge.Engine{
			Packages: packageManager, Services: converge.Systemd{Paths: paths, Runner: runner},
			Files: fileManager, Contents: contents, Providers: provider.All(provider.Host{Root: paths.Root, Files: fileManager, Runner: runner}),
			Version: version, Log: log, Clock: time.Now, Sleep: converge.Sleep, Diffs: diffs,
			Boot: func() string { boot, _ := clock.Uptime(); return boot },
		},
	}
}

// newLog writes lines without a time stamp, because journald adds one.
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
