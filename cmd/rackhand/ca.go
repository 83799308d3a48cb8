package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/web/client"
)

type caCmd struct {
	Show   caShowCmd   `cmd:"" default:"withargs" help:"Show when the CA expires, and where a change of it stands."`
	Renew  caRenewCmd  `cmd:"" help:"Make the next CA; agents get it with their next run, and trust both."`
	Finish caFinishCmd `cmd:"" help:"Take the next step: let the next CA sign, then end the trust in the old one."`
}

type caShowCmd struct {
	socketFlag
	JSON bool `help:"As JSON."`
}

func (c *caShowCmd) Run(ctx context.Context, out io.Writer) error {
	st, err := client.New(c.Socket).CA(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, st)
	}
	showCA(out, st)
	return nil
}

type caRenewCmd struct{ socketFlag }

func (c *caRenewCmd) Run(ctx context.Context, out io.Writer) error {
	return stepCA(ctx, out, c.Socket, provision.CARequest{Step: "renew"})
}

type caFinishCmd struct {
	socketFlag
	Force bool `help:"Go on though hosts would lose the appliance."`
}

func (c *caFinishCmd) Run(ctx context.Context, out io.Writer) error {
	return stepCA(ctx, out, c.Socket, provision.CARequest{Step: "finish", Force: c.Force})
}

func stepCA(ctx context.Context, out io.Writer, socket string, r provision.CARequest) error {
	st, err := client.New(socket).ChangeCA(ctx, r)
	if err != nil {
		return err
	}
	showCA(out, st)
	return nil
}

func showCA(out io.Writer, st provision.CAStatus) {
	fmt.Fprintf(out, "the CA expires on %s\n", st.Expires.UTC().Format(time.DateOnly))
	waiting := "no host is waited for: run `rackhand ca finish`"
	if n := len(st.Waiting); n > 0 {
		waiting = fmt.Sprintf("%d hosts are waited for: %s", n, strings.Join(st.Waiting, ", "))
	}
	switch st.Stage {
	case provision.CASpreads:
		fmt.Fprintf(out, "the next CA spreads: agents get it with their next run\n%s\n", waiting)
	case provision.CASwitched:
		fmt.Fprintf(out, "the next CA signs: hosts get certificates of it with their next run\n%s\n", waiting)
	}
}
