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
	jsonFlag
}

func (c *caShowCmd) Run(ctx context.Context, out io.Writer) error {
	st, err := client.New(c.Socket).CA(ctx)
	if err != nil {
		return err
	}
	return c.show(out, st)
}

// show writes where a change of the CA stands.
func (f jsonFlag) show(out io.Writer, st provision.CAStatus) error {
	if f.JSON {
		return printJSON(out, st)
	}
	showCA(out, st)
	return nil
}

type caRenewCmd struct {
	socketFlag
	jsonFlag
}

func (c *caRenewCmd) Run(ctx context.Context, out io.Writer) error {
	st, err := client.New(c.Socket).ChangeCA(ctx, provision.CARequest{Step: "renew"})
	if err != nil {
		return err
	}
	return c.show(out, st)
}

type caFinishCmd struct {
	socketFlag
	jsonFlag
	Force bool `help:"Go on though hosts would lose the appliance."`
}

func (c *caFinishCmd) Run(ctx context.Context, out io.Writer) error {
	st, err := client.New(c.Socket).ChangeCA(ctx, provision.CARequest{Step: "finish", Force: c.Force})
	if err != nil {
		return err
	}
	return c.show(out, st)
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
