package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"rackhand/provision"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

// jobFlags are those of every job.
type jobFlags struct {
	socketFlag
	jsonFlag
	Host    string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	NoPower bool   `help:"Don't switch its power: you press the button."`
}

// arm asks for a job and says how it goes on.
func (f *jobFlags) arm(ctx context.Context, out io.Writer, r provision.JobRequest) (provision.Install, error) {
	r.Power = !f.NoPower
	in, err := client.New(f.Socket).Job(ctx, f.Host, r)
	if err != nil || f.JSON {
		return in, err
	}
	fmt.Fprintf(out, "%s %s is armed until %s", in.Noun(), in.ID, in.Expires.Local().Format("15:04"))
	if in.Power == provision.PowerManual {
		fmt.Fprint(out, "; power the box on and let it boot from the network")
	}
	fmt.Fprintln(out)
	return in, nil
}

type burninCmd struct {
	jobFlags
	Minutes int  `help:"The duration in minutes: half of it for memory, a quarter each for processor and disks." default:"60"`
	Serving bool `help:"Allow it for a host that serves; it is out of service meanwhile."`
}

func (c *burninCmd) Run(ctx context.Context, out io.Writer) error {
	in, err := c.arm(ctx, out, provision.JobRequest{
		Job: provision.JobBurnin, Serving: c.Serving, Order: provision.Order{Minutes: c.Minutes},
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, in)
	}
	fmt.Fprintf(out, "follow it: rackhand watch %s; findings: rackhand job %s\n", c.Host, c.Host)
	return nil
}

type wipeCmd struct {
	jobFlags
	Yes     bool     `help:"Confirm: the data on the disks is lost for good."`
	Disk    []string `help:"Only this disk, by kernel name, serial number or WWN; repeatable." placeholder:"DISK"`
	Serving bool     `help:"Allow it for a host that serves."`
}

func (c *wipeCmd) Run(ctx context.Context, out io.Writer) error {
	if !c.Yes {
		return exitError{exitUsage, fmt.Errorf("this would erase %s of %s: give --yes to confirm", orAll(c.Disk), c.what(ctx))}
	}
	in, err := c.arm(ctx, out, provision.JobRequest{
		Job: provision.JobWipe, Yes: true, Serving: c.Serving, Order: provision.Order{Disks: c.Disk},
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, in)
	}
	fmt.Fprintf(out, "the box names its disks with their serial numbers ten seconds before it begins: rackhand watch %s; to stop it: rackhand cancel %s\n", c.Host, c.Host)
	return nil
}

func orAll(disks []string) string {
	if len(disks) == 0 {
		return "all disks"
	}
	return "the disks " + strings.Join(disks, ", ")
}

// what describes the box, if the appliance answers.
func (c *wipeCmd) what(ctx context.Context) string {
	st, err := client.New(c.Socket).Status(ctx)
	if err != nil {
		return c.Host
	}
	for _, h := range st.Hosts {
		if h.Host != c.Host || h.Unclaimed {
			continue
		}
		about := append([]string{h.Address}, h.MACs...)
		if h.Rack != "" {
			about = append(about, h.Rack)
		}
		if h.Install != nil {
			about = append(about, "its last install: "+string(h.Install.Stage))
		}
		return fmt.Sprintf("%s (%s)", c.Host, strings.Join(about, ", "))
	}
	return c.Host + ", which is not in the inventory"
}

type jobCmd struct {
	socketFlag
	jsonFlag
	Host string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
}

func (c *jobCmd) Run(ctx context.Context, out io.Writer) error {
	r, err := client.New(c.Socket).LastJob(ctx, c.Host)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, r)
	}
	if err := show.Job(out, r.Job); err != nil {
		return err
	}
	if len(r.Report) == 0 {
		return nil
	}
	var text bytes.Buffer
	if err := json.Indent(&text, r.Report, "", "  "); err != nil {
		return fmt.Errorf("the report of %s is not JSON: %w", r.Job.ID, err)
	}
	for line := range strings.Lines(text.String()) {
		fmt.Fprintln(out, show.OneLine(strings.TrimRight(line, "\n"), 4000))
	}
	return nil
}
