package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/usage"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type bmcCmd struct {
	Show     bmcShowCmd     `cmd:"" default:"withargs" help:"Show a host's BMC: protocol, power, model, firmware, boot override, network, log."`
	Sensors  bmcSensorsCmd  `cmd:"" help:"Read the sensors."`
	Log      bmcLogCmd      `cmd:"" help:"Read the event log, or clear it."`
	Info     bmcInfoCmd     `cmd:"" help:"Show maker, model, serial numbers and firmware versions."`
	Identify bmcIdentifyCmd `cmd:"" help:"Switch the identify lamp."`
	SoftOff  bmcSoftOffCmd  `cmd:"" help:"Ask the system to shut down, and wait until the box is off."`
	NMI      bmcNMICmd      `cmd:"" name:"nmi" help:"Send the system a diagnostic interrupt, so that it writes a dump."`
	Boot     bmcBootCmd     `cmd:"" help:"Show the boot override, or set it."`
	Network  bmcNetworkCmd  `cmd:"" help:"Show the settings of the BMC's own port, or change them."`
	Users    bmcUsersCmd    `cmd:"" help:"List the BMC's accounts, or set one."`
	Scan     bmcScanCmd     `cmd:"" help:"Search a network for BMCs, without a login."`
	Add      bmcAddCmd      `cmd:"" help:"Declare a host's BMC in the inventory."`
	Audit    bmcAuditCmd    `cmd:"" help:"Find what is wrong with BMCs: logins, certificates, firmware, clocks, logs."`
}

// Help is the end of --help.
func (c *bmcCmd) Help() string {
	return "The host may also come first: `rackhand bmc web1 sensors`."
}

// verbFirst turns bmc HOST VERB into bmc VERB HOST, which the parser knows.
func verbFirst(p usage.Program, args []string) []string {
	if len(args) < 3 || args[0] != "bmc" {
		return args
	}
	verb := func(word string) bool {
		_, err := p.Find([]string{"bmc", word})
		return err == nil
	}
	if verb(args[1]) || strings.HasPrefix(args[1], "-") || !verb(args[2]) {
		return args
	}
	return slices.Concat([]string{"bmc", args[2], args[1]}, args[3:])
}

// bmcFlags are those of each command about a host's BMC.
type bmcFlags struct {
	socketFlag
	jsonFlag
	Host string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
}

// done prints the outcome of a command that changed something.
func (f *bmcFlags) done(out io.Writer, result any, format string, args ...any) error {
	if f.JSON {
		return printJSON(out, result)
	}
	fmt.Fprintf(out, "%s: "+format+"\n", append([]any{f.Host}, args...)...)
	return nil
}

// A hostDone is the output of --json of a command whose success says all.
type hostDone struct {
	Host string `json:"host"`
	Done string `json:"done"`
}

type bmcShowCmd struct{ bmcFlags }

func (c *bmcShowCmd) Run(ctx context.Context, out io.Writer) error {
	v, err := client.New(c.Socket).BMC(ctx, c.Host)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, v)
	}
	return show.BMC(out, v)
}

// part reads one part and shows it.
func (f *bmcFlags) part(ctx context.Context, out io.Writer, p bmc.ReportPart, print func(bmc.Overview) error) error {
	v, err := client.New(f.Socket).BMCPart(ctx, f.Host, p)
	if err != nil {
		return err
	}
	if f.JSON {
		return printJSON(out, v)
	}
	return print(v)
}

type bmcSensorsCmd struct{ bmcFlags }

func (c *bmcSensorsCmd) Run(ctx context.Context, out io.Writer) error {
	return c.part(ctx, out, bmc.PartSensors, func(v bmc.Overview) error { return show.Sensors(out, v.Sensors) })
}

type bmcInfoCmd struct{ bmcFlags }

func (c *bmcInfoCmd) Run(ctx context.Context, out io.Writer) error {
	return c.part(ctx, out, bmc.PartInfo, func(v bmc.Overview) error { return show.BMCInfo(out, *v.Info) })
}

type bmcLogCmd struct {
	bmcFlags
	Most  int  `help:"The latest entries, at most that many." default:"50"`
	Clear bool `help:"Remove all entries."`
	Yes   bool `help:"Confirm --clear: the entries are lost for good."`
}

func (c *bmcLogCmd) Run(ctx context.Context, out io.Writer) error {
	a := client.New(c.Socket)
	if c.Clear {
		if !c.Yes {
			return exitError{exitUsage, fmt.Errorf("this would remove all entries of the event log of %s's BMC: give --yes to confirm", c.Host)}
		}
		if err := a.ClearBMCLog(ctx, c.Host); err != nil {
			return err
		}
		return c.done(out, hostDone{c.Host, "log cleared"}, "its BMC's event log is empty")
	}
	v, err := a.BMCLog(ctx, c.Host, c.Most)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, v)
	}
	return show.Entries(out, v)
}

type bmcIdentifyCmd struct {
	bmcFlags
	State string `arg:"" enum:"on,off" help:"on or off."`
}

func (c *bmcIdentifyCmd) Run(ctx context.Context, out io.Writer) error {
	if err := client.New(c.Socket).Identify(ctx, c.Host, c.State == "on"); err != nil {
		return err
	}
	return c.done(out, hostDone{c.Host, "lamp " + c.State}, "its identify lamp is %s", c.State)
}

type bmcNMICmd struct {
	bmcFlags
	Yes bool `help:"Confirm: most systems stop at once, and write a dump if they are set up for it."`
}

func (c *bmcNMICmd) Run(ctx context.Context, out io.Writer) error {
	if !c.Yes {
		return exitError{exitUsage, fmt.Errorf("most systems stop at a diagnostic interrupt: give --yes to send it to %s", c.Host)}
	}
	if err := client.New(c.Socket).Interrupt(ctx, c.Host); err != nil {
		return err
	}
	return c.done(out, hostDone{c.Host, "diagnostic interrupt sent"}, "its BMC took the diagnostic interrupt")
}

type bmcSoftOffCmd struct {
	bmcFlags
	Limit time.Duration `help:"How long the system may take." default:"5m"`
	Hard  bool          `help:"Then switch the power off."`
}

func (c *bmcSoftOffCmd) Run(ctx context.Context, out io.Writer) error {
	r, err := client.New(c.Socket).SoftOff(ctx, c.Host, bmc.SoftOffRequest{Limit: c.Limit, Hard: c.Hard})
	if err != nil {
		return err
	}
	how := "its system has shut down"
	if r.Hard {
		how = "its system did not shut down in time, and the power was switched off"
	}
	return c.done(out, r, "%s; the box is %s after %s", how, r.Power, provision.Span(r.Took))
}

type bmcBootCmd struct {
	bmcFlags
	Device     string `arg:"" optional:"" enum:"pxe,disk,none," default:"" help:"pxe, disk, or none (no override); without it, the override is shown."`
	Persistent bool   `help:"For every boot, not only for the next."`
}

func (c *bmcBootCmd) Run(ctx context.Context, out io.Writer) error {
	if c.Device == "" {
		if c.Persistent {
			return exitError{exitUsage, errors.New("--persistent belongs to a device: pxe or disk")}
		}
		return c.part(ctx, out, bmc.PartBoot, func(v bmc.Overview) error { return c.done(out, nil, "%s", show.OneLine(v.Boot.Text, 400)) })
	}
	b, err := client.New(c.Socket).SetBMCBoot(ctx, c.Host, bmc.BootRequest{Device: bmc.BootDevice(c.Device), Persistent: c.Persistent})
	if err != nil {
		return err
	}
	return c.done(out, b, "its boot override is: %s", show.OneLine(b.Text, 400))
}

type bmcNetworkCmd struct {
	bmcFlags
	DHCP    *bool  `name:"dhcp" negatable:"" help:"Take the address by DHCP, or not."`
	Address string `help:"An address of its own, with its length." placeholder:"10.77.0.111/24"`
	Gateway string `help:"The default gateway; 0.0.0.0 for none." placeholder:"10.77.0.1"`
	VLAN    *int   `name:"vlan" help:"The 802.1Q VLAN; 0 for none." placeholder:"VLAN"`
	Yes     bool   `help:"Confirm: with wrong settings the BMC can't be reached any more."`
}

func (c *bmcNetworkCmd) Run(ctx context.Context, out io.Writer) error {
	r := bmc.NetworkRequest{DHCP: c.DHCP, VLAN: c.VLAN}
	if c.Address != "" {
		p, err := netip.ParsePrefix(c.Address)
		if err != nil {
			return exitError{exitUsage, fmt.Errorf("--address %q: write the address with its length, such as 10.77.0.111/24", c.Address)}
		}
		r.Address = &p
	}
	if c.Gateway != "" {
		a, err := netip.ParseAddr(c.Gateway)
		if err != nil {
			return exitError{exitUsage, fmt.Errorf("--gateway %q is not an address: write one such as 10.77.0.1", c.Gateway)}
		}
		r.Gateway = &a
	}
	if r == (bmc.NetworkRequest{}) {
		return c.part(ctx, out, bmc.PartNetwork, func(v bmc.Overview) error { return c.done(out, nil, "%s", v.Network) })
	}
	if !c.Yes {
		return exitError{exitUsage, fmt.Errorf("with wrong settings the BMC of %s can't be reached any more: give --yes to change them", c.Host)}
	}
	n, err := client.New(c.Socket).SetBMCNetwork(ctx, c.Host, r)
	if err != nil {
		return err
	}
	return c.done(out, n, "its BMC's port is set: %s; the inventory names the address at which rackhand looks for it", n)
}

type bmcUsersCmd struct {
	bmcFlags
	Set       string `help:"Set this account, or make it." placeholder:"NAME"`
	ID        string `name:"id" help:"The slot of the account to set; without it, the one of that name, or a free one." placeholder:"ID"`
	Privilege string `enum:"user,operator,administrator," default:"" help:"Its privilege: user, operator or administrator." placeholder:"PRIVILEGE"`
	Password  string `name:"password-file" help:"A file whose first line is its password; - is the standard input." placeholder:"FILE"`
	Enabled   *bool  `name:"enabled" negatable:"" help:"Let the account log in, or not."`
	Yes       bool   `help:"Confirm: rackhand itself logs in by such an account."`
}

func (c *bmcUsersCmd) Run(ctx context.Context, out io.Writer) error {
	if c.Set == "" {
		if c.ID != "" || c.Privilege != "" || c.Password != "" || c.Enabled != nil {
			return exitError{exitUsage, errors.New("--id, --privilege, --password-file and --enabled belong to an account: name it with --set")}
		}
		return c.part(ctx, out, bmc.PartUsers, func(v bmc.Overview) error { return show.Users(out, v.Users) })
	}
	if !c.Yes {
		return exitError{exitUsage, fmt.Errorf("this would set the account %q of %s's BMC: give --yes to confirm", c.Set, c.Host)}
	}
	r := bmc.UserRequest{ID: c.ID, Name: c.Set, Privilege: bmc.Privilege(c.Privilege), Enabled: c.Enabled}
	if c.Password != "" {
		password, err := firstLine(c.Password)
		if err != nil {
			return err
		}
		r.Password = string(password)
	}
	a, err := client.New(c.Socket).SetBMCUser(ctx, c.Host, r)
	if err != nil {
		return err
	}
	state := "enabled"
	if !a.Enabled {
		state = "disabled"
	}
	return c.done(out, a, "its BMC's user %s is set: %s, %s", show.OneLine(a.Name, 64), a.Privilege, state)
}
