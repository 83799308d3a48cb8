package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"rackhand/provision/converge"
)

// enrol gets this host a certificate by the token that `rackhand enrol HOST` printed.
func enrol(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("rackhand-agent enrol", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root-dir", "", "take every file below this folder")
	token := flags.String("token", "", "the token that `rackhand enrol HOST` printed; - reads it from standard input")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *token == "-" {
		line, err := bufio.NewReader(io.LimitReader(stdin, 4<<10)).ReadString('\n')
		if err != nil && err != io.EOF {
			fmt.Fprintln(stderr, "rackhand-agent: reading the token:", err)
			return exitFailed
		}
		*token = strings.TrimSpace(line)
	}
	if *token == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "rackhand-agent enrol: --token is missing: run `rackhand enrol HOST` on the appliance to get one")
		return exitUsage
	}
	until, err := newAgent(converge.Paths{Root: *root}, newLog(stdout, false), io.Discard, time.Minute).Enrol(ctx, *token)
	if err != nil {
		fmt.Fprintln(stderr, "rackhand-agent:", err)
		return exitFailed
	}
	fmt.Fprintf(stdout, "enrolled: the certificate is valid until %s, and is renewed before\n", until.UTC().Format(time.DateOnly))
	return exitOK
}
