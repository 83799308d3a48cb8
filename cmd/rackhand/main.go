// rackhand is a provisioning appliance and its operator's command line: plug in
// power and network, and fifteen minutes later the box serves traffic.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"rackhand/provision/terminal"
	"rackhand/provision/usage"
)

// version is set by the linker.
var version = "development"

// The commands stand in the order in which an operator comes to need them.
type cli struct {
	setupCommands     `embed:"" group:"Set up"`
	inventoryCommands `embed:"" group:"Declare the hosts"`
	lookCommands      `embed:"" group:"See how they are"`
	installCommands   `embed:"" group:"Act on them"`
	supplyCommands    `embed:"" group:"Images, media and packages"`
	ownCommands       `embed:"" group:"About rackhand"`

	VersionFlag kong.VersionFlag `name:"version" help:"Print the version."`
}

type setupCommands struct {
	Init   initCmd   `cmd:"" help:"Write a first configuration and inventory for this machine."`
	Doctor doctorCmd `cmd:"" help:"Check the links: other DHCP servers, and obstacles to a boot."`
	Serve  serveCmd  `cmd:"" help:"Run the appliance."`
	Demo   demoCmd   `cmd:"" help:"Rehearse the whole path with virtual boxes in a virtual rack."`
}

type inventoryCommands struct {
	Check   checkCmd   `cmd:"" help:"Check an inventory: every problem with file, line and column."`
	Claim   claimCmd   `cmd:"" help:"Add a box to the inventory; without a MAC, list unclaimed ones."`
	Set     setCmd     `cmd:"" help:"Set a value in the inventory's files, and nothing else in them."`
	Remove  removeCmd  `cmd:"" help:"Remove a host, a group or a value from the inventory's files."`
	Import  importCmd  `cmd:"" help:"Convert a table of hosts to YAML, checked with the inventory."`
	Export  exportCmd  `cmd:"" help:"Print the inventory for Ansible, Munin, Prometheus or /etc/hosts."`
	Explain explainCmd `cmd:"" help:"Show where each value of a host comes from."`
	Render  renderCmd  `cmd:"" help:"Show what a host would get, or the plan of its install."`
	Diff    diffCmd    `cmd:"" help:"Show what changes since a git commit mean for each host."`
	Roles   rolesCmd   `cmd:"" help:"List, show and copy the roles that come with rackhand."`
	Schema  schemaCmd  `cmd:"" help:"Print a JSON Schema: of the inventory, the settings and others."`
}

type lookCommands struct {
	Status  statusCmd  `cmd:"" help:"Show every host with its stage, or one host in detail."`
	Why     whyCmd     `cmd:"" help:"Show why a host is stuck: the cause, the evidence and the remedy."`
	Wait    waitCmd    `cmd:"" help:"Wait until hosts serve, or have reached another stage."`
	Watch   watchCmd   `cmd:"" help:"Follow the journal as it grows."`
	Log     logCmd     `cmd:"" help:"Show the log of a host's installer."`
	Console consoleCmd `cmd:"" help:"Attach to a host's serial console, or print what was kept of it."`
	Trace   traceCmd   `cmd:"" help:"Show the last packets and requests of a host or MAC, in words."`
	Report  reportCmd  `cmd:"" help:"Show the last report of a host's agent: changes and failures."`
	Facts   factsCmd   `cmd:"" help:"Show what a host's agent has said of it: hardware, system, facts."`
	Job     jobCmd     `cmd:"" help:"Show a host's last rescue, wipe or burn-in, with its findings."`
}

type installCommands struct {
	Install installCmd `cmd:"" help:"Arm a host's install and boot it from the network."`
	Release releaseCmd `cmd:"" help:"Confirm that a waiting box is the host, so its install goes on."`
	Cancel  cancelCmd  `cmd:"" help:"End the install, rescue, wipe or burn-in under way."`
	Power   powerCmd   `cmd:"" help:"Ask a host's BMC: on, off, cycle, reset or status."`
	BMC     bmcCmd     `cmd:"" name:"bmc" argument:"first" help:"Read and set a host's BMC; audit all; find and add BMCs."`
	Rescue  rescueCmd  `cmd:"" help:"Boot a host into a shell in memory, to log in by ssh."`
	Wipe    wipeCmd    `cmd:"" help:"Erase a host's disks."`
	Burnin  burninCmd  `cmd:"" help:"Test a host's memory, processor and disks; nothing is written."`

	Converge convergeCmd `cmd:"" help:"Have agents make a run now, or a dry run; in batches, if asked."`
	Enrol    enrolCmd    `cmd:"" help:"Let a host enrol once more: print the command for its agent."`
	Revoke   revokeCmd   `cmd:"" help:"Revoke the certificate of a host."`
	CA       caCmd       `cmd:"" name:"ca" help:"Show the appliance's CA; replace it by another, step by step."`
}

type supplyCommands struct {
	Image     imageCmd     `cmd:"" help:"Build, import, list, verify and remove root images."`
	Media     mediaCmd     `cmd:"" help:"Add, list, verify and remove installation media for Anaconda."`
	Mirror    mirrorCmd    `cmd:"" help:"Fill the mirror cache ahead; list and remove its files."`
	Bootfiles bootfilesCmd `cmd:"" help:"List the network boot programs; fetch those of a processor."`
}

type ownCommands struct {
	Backup     backupCmd     `cmd:"" help:"Write a backup of the appliance, also while it serves."`
	Restore    restoreCmd    `cmd:"" help:"Verify a backup, and put it back."`
	Takeover   takeoverCmd   `cmd:"" hidden:"" help:"Give the state folder to the service's user (the package does)."`
	Help       helpCmd       `cmd:"" help:"Show the commands, explain one, or list the exit codes."`
	Man        manCmd        `cmd:"" help:"Print the manual page of a command, or write all of them."`
	Completion completionCmd `cmd:"" help:"Print the completion script of a shell: bash, zsh or fish."`
	Version    versionCmd    `cmd:"" help:"Print the version, its commit, and what it was built with."`

	Complete completeCmd `cmd:"" name:"__complete" hidden:"" passthrough:"" help:"Print the words that may stand next, for the shells' scripts."`
}

// defaultSocket is where an appliance listens for its operator when nothing else is said.
const defaultSocket = "/run/rackhand/rackhand.sock"

// socketFlag is shared by the commands that speak to a running appliance.
type socketFlag struct {
	Socket string `help:"The appliance's unix socket." default:"${socket}" env:"RACKHAND_SOCKET"`
}

// A silent error ends a command without a further word: it has said all.
type silent struct{ code int }

func (s silent) Error() string { return fmt.Sprintf("exit status %d", s.code) }

// An exitError ends a command with a word and a status of its own.
type exitError struct {
	code int
	error
}

func main() {
	os.Exit(shown(os.Args[1:], os.Stdout, os.Stderr))
}

// shown runs a command whose output may hold what strangers have said: nothing of it
// moves a terminal.
func shown(args []string, stdout, stderr io.Writer) int {
	out, errs := terminal.New(stdout, os.Getenv), terminal.New(stderr, os.Getenv)
	code := run(args, out, errs)
	if err := errors.Join(out.Close(), errs.Close()); err != nil && code == 0 {
		return 1
	}
	return code
}

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit := -1
	parser, err := newParser(func(code int) {
		if exit < 0 {
			exit = code
		}
	}, kong.Writers(stdout, stderr))
	if err != nil {
		fmt.Fprintln(stderr, "rackhand:", err)
		return 2
	}
	program := programOf(parser)
	if len(args) == 0 {
		args = []string{"help"}
	}
	cmd, err := parser.Parse(verbFirst(program, args))
	switch {
	case exit >= 0: // --help and --version have done their work
		return exit
	case err != nil:
		fmt.Fprint(stderr, program.Mistake(err))
		if args[0] == "converge" {
			return exitConvergeUsage // 2 means that something was changed
		}
		return exitUsage
	}
	cmd.BindTo(ctx, (*context.Context)(nil))
	cmd.BindTo(stdout, (*io.Writer)(nil))
	cmd.BindTo(os.Stdin, (*io.Reader)(nil))
	if err := cmd.Run(program); err != nil {
		var quiet silent
		if errors.As(err, &quiet) {
			return quiet.code
		}
		fmt.Fprintln(stderr, "rackhand:", err)
		var coded exitError
		if errors.As(err, &coded) {
			return coded.code
		}
		return 1
	}
	return 0
}

// newParser makes the parser of the command line.
func newParser(exit func(int), options ...kong.Option) (*kong.Kong, error) {
	return kong.New(&cli{}, append(options,
		kong.Name("rackhand"),
		kong.Description("A provisioning appliance: from a bare box to serving traffic."),
		kong.Exit(exit),
		kong.Vars{"version": version, "socket": defaultSocket, "inventory": defaultInventory, "config": usualConfig},
		kong.Help(func(_ kong.HelpOptions, c *kong.Context) error {
			node := c.Selected()
			if node == nil {
				node = c.Model.Node
			}
			return programOf(c.Kong).Help(c.Stdout, node)
		}),
	)...)
}

func programOf(k *kong.Kong) usage.Program {
	return usage.Program{App: k.Model, Version: version, Exits: exitCodes()}
}
