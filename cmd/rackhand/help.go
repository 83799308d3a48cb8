package main

import (
	"context"
	"fmt"
	"io"

	"rackhand/provision/usage"
)

type helpCmd struct {
	Command []string `arg:"" optional:"" complete:"command" help:"The command, such as image build; or exit-codes."`
}

func (c *helpCmd) Run(p usage.Program, out io.Writer) error {
	if len(c.Command) == 1 && c.Command[0] == "exit-codes" {
		return p.ExitCodes(out)
	}
	node, err := p.Find(c.Command)
	if err != nil {
		return exitError{exitUsage, err}
	}
	return p.Help(out, node)
}

type manCmd struct {
	Command []string `arg:"" optional:"" complete:"command" help:"The command, such as image build (default: the page of rackhand itself)."`
	Dir     string   `help:"Write the pages of all commands into this folder, such as /usr/local/share/man/man1." type:"path" placeholder:"DIR"`
}

// Help is the end of --help.
func (c *manCmd) Help() string {
	return "To read a page at once: `rackhand man image build | man -l -`."
}

func (c *manCmd) Run(p usage.Program, out io.Writer) error {
	node, err := p.Find(c.Command)
	switch {
	case err != nil:
		return exitError{exitUsage, err}
	case c.Dir == "":
		_, err := io.WriteString(out, p.Man(node))
		return err
	case len(c.Command) > 0:
		return exitError{exitUsage, fmt.Errorf("--dir writes the pages of all commands: leave %q out", c.Command[0])}
	}
	names, err := p.WriteMan(c.Dir)
	for _, name := range names {
		fmt.Fprintln(out, name)
	}
	return err
}

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is the end of --help.
func (c *completionCmd) Help() string {
	return "For bash: `rackhand completion bash >/etc/bash_completion.d/rackhand`. " +
		"For zsh: `rackhand completion zsh >/usr/local/share/zsh/site-functions/_rackhand`. " +
		"For fish: `rackhand completion fish >/etc/fish/completions/rackhand.fish`." +
		"\n\nNames of hosts come from the running appliance, or from the inventory. A name that isn't known within a second is not offered."
}

func (c *completionCmd) Run(out io.Writer) error {
	_, err := io.WriteString(out, usage.Script(c.Shell))
	return err
}

// completeCmd answers the scripts of completionCmd.
type completeCmd struct {
	Words []string `arg:"" optional:"" help:"The shell, and its words."`
}

func (c *completeCmd) Run(ctx context.Context, p usage.Program, out io.Writer) error {
	return usage.Answer(out, p, c.Words, func(kind string, words []string) []string {
		return completions(ctx, kind, words)
	})
}
