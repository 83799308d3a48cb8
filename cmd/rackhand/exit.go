package main

import "rackhand/provision/usage"

// Exit codes that not every command has. exitCodes explains all of them.
const (
	exitUsage = 2
	// exitUnseen: something could not be looked at.
	exitUnseen = 2
	// exitTimeout: a wait has come to its timeout.
	exitTimeout = 3
	// exitStale and exitFailed are of a report that is shown.
	exitStale  = 3
	exitFailed = 4
	// exitAsk: an appliance needs its operator's word before it serves. The guide's unit isn't
	// restarted on it.
	exitAsk = 3
	// exitConvergeUsage is for a wrong command line of converge, whose other codes say what
	// came of the runs.
	exitConvergeUsage = 64
)

// exitCodes are the exit codes of all commands, for help, man pages and the reference.
func exitCodes() []usage.Exit {
	return []usage.Exit{
		{Status: 0, Meaning: "Done, and nothing is wrong."},
		{Status: 1, Meaning: "Failed: the message on standard error says why."},
		{Status: exitUsage, Meaning: "The command line is wrong; nothing was done."},
		{Command: "check", Status: 1, Meaning: "There are problems, or the check itself failed."},
		{Command: "doctor", Status: 1, Meaning: "There are problems, or the check itself failed."},
		{Command: "diff", Status: 0, Meaning: "Nothing differs."},
		{Command: "diff", Status: 2, Meaning: "Something differs, or the command line is wrong."},
		{Command: "doctor", Status: 2, Meaning: "Something could not be looked at, or the command line is wrong."},
		{Command: "bmc audit", Status: 0, Meaning: "Nothing worse than a note was found."},
		{Command: "bmc audit", Status: 1, Meaning: "There are warnings or critical findings."},
		{Command: "bmc audit", Status: exitUnseen, Meaning: "The audit failed, or the command line is wrong."},
		{Command: "serve", Status: exitAsk, Meaning: "The appliance needs its operator's word before it serves: a database or CA is lost."},
		{Command: "wait", Status: 0, Meaning: "All hosts have reached the stage."},
		{Command: "wait", Status: 1, Meaning: "A host failed or was cancelled, or the wait itself failed."},
		{Command: "wait", Status: exitTimeout, Meaning: "The timeout has passed before all hosts have reached the stage, and no host has failed."},
		{Command: "report", Status: 0, Meaning: "Everything holds. With --all: the list is shown."},
		{Command: "report", Status: 1, Meaning: "There is no report to show."},
		{Command: "report", Status: exitStale, Meaning: "The report is not fresh: the agent is silent for two of its intervals, or it converged a catalog that it had kept."},
		{Command: "report", Status: exitFailed, Meaning: "The run failed, or resources in it."},
		{Command: "converge", Status: 0, Meaning: "Nothing to do. Without --wait: all is ordered. The worst code of all hosts counts."},
		{Command: "converge", Status: 1, Meaning: "A run itself failed, or a host did not answer."},
		{Command: "converge", Status: 2, Meaning: "Something was changed."},
		{Command: "converge", Status: 4, Meaning: "Something failed."},
		{Command: "converge", Status: 6, Meaning: "Something was changed, and something failed."},
		{Command: "converge", Status: exitConvergeUsage, Meaning: "The command line is wrong; nothing was done."},
	}
}
