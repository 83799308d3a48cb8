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

	"rackhand/config/visible"
)

// version is set by the linker.
var version = "development"

// The commands stand in the order in which an operator comes to need them: the
// appliance, its inventory, its hosts, and what it keeps for them.
type cli struct {
	Init   initCmd   `cmd:"" help:"Write a first configuration and inventory for this machine."`
	Doctor doctorCmd `cmd:"" help:"Check the links: find other DHCP servers, and what keeps boxes from booting."`
	Serve  serveCmd  `cmd:"" help:"Run the appliance."`

	Check   checkCmd   `cmd:"" help:"Check an inventory: every problem with file, line and column."`
	Explain explainCmd `cmd:"" help:"Show where each value of a host comes from, and which values it overrides."`
	Render  renderCmd  `cmd:"" help:"Show what a host would get, with its secrets masked, or the plan of its install."`
	Diff    diffCmd    `cmd:"" help:"Show how the inventory's changes since a git commit affect each host."`
	Claim   claimCmd   `cmd:"" help:"Add a box to the inventory; without a MAC, list the unclaimed ones."`
	Set     setCmd     `cmd:"" help:"Set a value in the inventory's files, and change nothing else in them."`
	Remove  removeCmd  `cmd:"" help:"Remove a host, a group or a value from the inventory's files."`
	Import  importCmd  `cmd:"" help:"Convert a table of hosts to YAML, and check it with the inventory."`
	Export  exportCmd  `cmd:"" help:"Print the inventory for Ansible, Prometheus or /etc/hosts."`
	Roles   rolesCmd   `cmd:"" help:"List, show and copy the roles that come with rackhand."`
	Schema  schemaCmd  `cmd:"" help:"Print the JSON Schema of the inventory, the configuration, a role, an image's recipe or an agent's report."`

	Status  statusCmd  `cmd:"" help:"Show every host with its stage."`
	Watch   watchCmd   `cmd:"" help:"Follow the journal as it grows."`
	Report  reportCmd  `cmd:"" help:"Show the last report of a host's agent: changes, failures and drift."`
	Facts   factsCmd   `cmd:"" help:"Show what the agent of a host has said of it: system, processor, memory, disks, own facts."`
	Log     logCmd     `cmd:"" help:"Show the log of a host's installer."`
	Install installCmd `cmd:"" help:"Arm a host's install and boot it from the network."`
	Rescue  rescueCmd  `cmd:"" help:"Boot a host into a shell in memory, to log in by ssh with your key."`
	Wipe    wipeCmd    `cmd:"" help:"Erase a host's disks."`
	Burnin  burninCmd  `cmd:"" help:"Test a host's memory, processor and disks; nothing is written to disks."`
	Job     jobCmd     `cmd:"" help:"Show a host's last rescue, wipe or burn-in, with its findings."`
	Release releaseCmd `cmd:"" help:"Confirm that a waiting box is the host, so its install goes on."`
	Cancel  cancelCmd  `cmd:"" help:"End the install, rescue, wipe or burn-in under way."`
	Revoke  revokeCmd  `cmd:"" help:"Revoke the certificate of a host."`
	Enrol   enrolCmd   `cmd:"" help:"Let a host enrol once more: print the command that gives its agent a certificate."`
	CA      caCmd      `cmd:"" name:"ca" help:"Show the appliance's CA; replace it by another, step by step."`
	Power   powerCmd   `cmd:"" help:"Ask a host's BMC: on, off, cycle, reset or status."`

	Converge convergeCmd `cmd:"" help:"Have the agents of hosts make a run now, or a dry run, all at once or a batch after the other."`

	Image     imageCmd     `cmd:"" help:"Build, import, list, verify and remove root images."`
	Media     mediaCmd     `cmd:"" help:"Add, list, verify and remove installation media for Anaconda."`
	Mirror    mirrorCmd    `cmd:"" help:"Fetch files ahead for a system's hosts; list the mirror cache, and remove files from it."`
	Bootfiles bootfilesCmd `cmd:"" help:"List the network boot programs; fetch those of another processor."`
	Demo      demoCmd      `cmd:"" help:"Rehearse the whole path with virtual boxes in a virtual rack."`

	Version kong.VersionFlag `help:"Print the version."`
}

// socketFlag is shared by the commands that speak to a running appliance.
type socketFlag struct {
	Socket string `help:"The appliance's unix socket." default:"/run/rackhand/rackhand.sock" env:"RACKHAND_SOCKET"`
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
	out, errs := &visible.Writer{To: stdout}, &visible.Writer{To: stderr}
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
	parser, err := kong.New(
		&cli{},
		kong.Name("rackhand"),
		kong.Description("A provisioning appliance: from a bare box to serving traffic."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) {
			if exit < 0 {
				exit = code
			}
		}),
		kong.Vars{"version": version, "inventory": defaultInventory, "config": usualConfig},
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(stdout, (*io.Writer)(nil)),
		kong.BindTo(os.Stdin, (*io.Reader)(nil)),
	)
	if err != nil {
		fmt.Fprintln(stderr, "rackhand:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	cmd, err := parser.Parse(args)
	switch {
	case exit >= 0: // --help and --version have done their work
		return exit
	case err != nil:
		fmt.Fprintln(stderr, "rackhand:", err)
		if args[0] == "converge" {
			return exitConvergeUsage // 2 means that something was changed
		}
		return 2
	}
	if err := cmd.Run(); err != nil {
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
