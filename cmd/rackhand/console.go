package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"rackhand/config/visible"
	"rackhand/provision/web/client"
)

type consoleCmd struct {
	socketFlag
	Host     string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	Takeover bool   `help:"Detach another client of the BMC, and type instead of another operator."`
	ReadOnly bool   `help:"Look, and don't type."`
	Log      bool   `help:"Print what was kept of the console, a MiB at most, and end."`
	Escape   string `help:"The character before a command to rackhand, at the beginning of a line." default:"~" placeholder:"CHAR"`
}

// Help is the end of --help.
func (c *consoleCmd) Help() string {
	return "Type ~. at the beginning of a line to end, ~? for the other commands, and ~~ for a ~. The console comes back after a power change. The appliance records it during installs (`bmc: {console: ...}` in rackhand.yaml)."
}

func (c *consoleCmd) Run(ctx context.Context, out io.Writer) error {
	a := client.New(c.Socket)
	if c.Log {
		text, err := a.ConsoleLog(ctx, c.Host)
		if err != nil {
			return err
		}
		if text == "" {
			fmt.Fprintf(out, "nothing was kept of the console of %s\n", c.Host)
			return nil
		}
		for line := range strings.Lines(text) {
			fmt.Fprintln(out, visible.Text(strings.TrimRight(line, "\r\n")))
		}
		return nil
	}
	if len(c.Escape) != 1 || c.Escape[0] <= ' ' || c.Escape[0] > '~' {
		return exitError{exitUsage, fmt.Errorf("--escape %q: one printable character is wanted", c.Escape)}
	}
	conn, err := a.Console(ctx, c.Host, c.Takeover, c.ReadOnly)
	if err != nil {
		return err
	}
	defer conn.Close()
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		was, err := term.MakeRaw(fd)
		if err != nil {
			return fmt.Errorf("the terminal: %w", err)
		}
		defer func() { _ = term.Restore(fd, was) }()
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	// What the box prints is for the terminal, with all its control characters.
	out = os.Stdout
	fmt.Fprintf(out, "[rackhand: console of %s; %s. ends, %s? helps]\r\n", c.Host, c.Escape, c.Escape)
	typed := make(chan error, 1)
	go func() { typed <- c.typeInto(conn, os.Stdin, out) }()
	printed := make(chan error, 1)
	go func() {
		_, err := io.Copy(out, conn)
		printed <- err
	}()
	select {
	case err = <-typed:
		if errors.Is(err, io.EOF) { // a file or pipe has ended: what it brings about is still shown
			err = <-printed
		}
	case err = <-printed:
		if err == nil && ctx.Err() == nil {
			err = errors.New("the appliance ended the console: it is stopping, or this terminal took its output too slowly")
		}
	}
	if errors.Is(err, errDetached) || ctx.Err() != nil {
		fmt.Fprint(out, "\r\n[rackhand: detached]\r\n")
		return nil
	}
	return err
}

// errDetached is the end by the operator's own wish.
var errDetached = errors.New("detached")

// A wire is the console as typing sees it.
type wire interface {
	io.Writer
	Break() error
}

// typeInto passes on what is typed, until that ends or the operator detaches.
func (c *consoleCmd) typeInto(to wire, from io.Reader, out io.Writer) error {
	e := escapes{char: c.Escape[0], start: true}
	b := make([]byte, 1024)
	for {
		n, err := from.Read(b)
		for _, do := range e.typed(b[:n]) {
			switch do.command {
			case 0:
				if c.ReadOnly {
					break
				}
				if _, err := to.Write(do.text); err != nil {
					return err
				}
			case '.':
				return errDetached
			case 'B':
				if err := to.Break(); err != nil {
					return err
				}
			case '?':
				fmt.Fprintf(out, "\r\n %[1]s.  detach\r\n %[1]sB  send a serial break\r\n %[1]s%[1]s  send %[1]s\r\n %[1]s?  this list\r\n", c.Escape)
			}
		}
		if err != nil {
			return err
		}
	}
}

// An escapeStep is text to send, or a command.
type escapeStep struct {
	text    []byte
	command byte // 0: text
}

// escapes finds commands in what is typed: the escape character at the beginning of a line,
// and a second one.
type escapes struct {
	char  byte
	start bool // a line begins
	seen  bool // the escape character stands at its beginning
}

func (e *escapes) typed(b []byte) (steps []escapeStep) {
	var text []byte
	flush := func() {
		if len(text) > 0 {
			steps = append(steps, escapeStep{text: text})
			text = nil
		}
	}
	for _, c := range b {
		switch {
		case e.seen && (c == '.' || c == 'B' || c == '?'):
			flush()
			steps = append(steps, escapeStep{command: c})
			e.seen, e.start = false, true
			continue
		case e.seen && c == e.char: // one of the two
		case e.seen:
			text = append(text, e.char)
		case e.start && c == e.char:
			e.seen = true
			continue
		}
		text = append(text, c)
		e.seen, e.start = false, c == '\r' || c == '\n'
	}
	flush()
	return steps
}
