package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"rackhand/provision"
	"rackhand/provision/trace/capture"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type traceCmd struct {
	socketFlag
	Box    string `arg:"" name:"host" complete:"box" help:"The host, by its name in the inventory, or a MAC."`
	Follow bool   `short:"f" help:"Go on with new ones as they come."`
	JSON   bool   `help:"As JSON, one object a line."`
	Pcap   string `help:"Write the DHCP packets to a file, for tcpdump and Wireshark." type:"path" placeholder:"FILE"`
}

func (c *traceCmd) Run(ctx context.Context, out io.Writer) (err error) {
	each := c.shower(out)
	if c.Pcap != "" {
		f, failed := os.OpenFile(c.Pcap, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		file, failed := capture.New(f)
		if failed != nil {
			return fmt.Errorf("%s: %w", c.Pcap, failed)
		}
		print := each
		each = func(l provision.TraceLine) error { return errors.Join(print(l), file.Add(l)) }
	}
	after, err := client.New(c.Socket).Trace(ctx, c.Box, c.Follow, 0, each)
	switch {
	case ctx.Err() != nil || errors.Is(err, io.EOF) && !c.Follow:
		err = nil
	case errors.Is(err, io.EOF):
		return errors.New("the appliance has ended: it keeps traces in memory, so they begin again with it")
	}
	if err == nil && after == 0 && !c.JSON && !c.Follow {
		fmt.Fprintf(os.Stderr, "no packet or request of %s since the appliance started\n", c.Box)
	}
	return err
}

// shower prints a line as the operator wants it.
func (c *traceCmd) shower(out io.Writer) func(provision.TraceLine) error {
	if c.JSON {
		to := json.NewEncoder(out)
		return func(l provision.TraceLine) error { return to.Encode(l) }
	}
	return func(l provision.TraceLine) error {
		_, err := fmt.Fprintln(out, show.TraceLine(l))
		return err
	}
}
