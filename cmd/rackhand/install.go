package main

import (
	"context"
	"fmt"
	"io"

	"rackhand/provision"
	"rackhand/provision/web/client"
)

type installCmd struct {
	socketFlag
	jsonFlag
	Host    string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	Wipe    bool   `help:"Allow the install to wipe disks that carry data."`
	NoPower bool   `help:"Don't switch its power: you press the button."`
}

func (c *installCmd) Run(ctx context.Context, out io.Writer) error {
	in, err := client.New(c.Socket).Install(ctx, c.Host, provision.InstallRequest{Wipe: c.Wipe, Power: !c.NoPower})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, in)
	}
	fmt.Fprintf(out, "install %s is armed until %s", in.ID, in.Expires.Local().Format("15:04"))
	if in.Power == "" {
		fmt.Fprint(out, "; power the box on and let it boot from the network")
	}
	fmt.Fprintf(out, "\nfollow it: rackhand watch %[1]s; wait for it: rackhand wait %[1]s\n", c.Host)
	return nil
}

type releaseCmd struct {
	socketFlag
	jsonFlag
	Host string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
}

func (c *releaseCmd) Run(ctx context.Context, out io.Writer) error {
	in, err := client.New(c.Socket).Release(ctx, c.Host)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, in)
	}
	fmt.Fprintf(out, "attempt %d of install %s is released: the box asks again within 15 s\nfollow it: rackhand watch %s\n", in.Released, in.ID, c.Host)
	return nil
}

type cancelCmd struct {
	socketFlag
	jsonFlag
	Host string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
}

func (c *cancelCmd) Run(ctx context.Context, out io.Writer) error {
	if err := client.New(c.Socket).Cancel(ctx, c.Host); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, done{Host: c.Host, Done: "cancelled"})
	}
	fmt.Fprintln(out, "cancelled; a box that is being installed stays as it is, a rescue, wipe or burn-in ends within ten seconds")
	return nil
}

// done is the output of --json where nothing but the act is to be told.
type done struct {
	Host string `json:"host"`
	Done string `json:"done"` // cancelled, revoked
}

type revokeCmd struct {
	socketFlag
	jsonFlag
	Host string `arg:"" complete:"host" help:"The host, by the name in its certificate."`
}

func (c *revokeCmd) Run(ctx context.Context, out io.Writer) error {
	if err := client.New(c.Socket).Revoke(ctx, c.Host); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, done{Host: c.Host, Done: "revoked"})
	}
	fmt.Fprintf(out, "revoked: the agent of %s is refused until `rackhand enrol %s` or an install gives it another\n", c.Host, c.Host)
	return nil
}
