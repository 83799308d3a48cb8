package main

import (
	"context"
	"io"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/reports"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type reportCmd struct {
	socketFlag
	Host    string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
	JSON    bool   `help:"As JSON; the schema is printed by rackhand schema report."`
	All     bool   `help:"List all reports that are kept, newest first." xor:"which"`
	Number  uint64 `help:"Show the report with this number." xor:"which" placeholder:"N"`
	Verbose bool   `short:"v" help:"Also list the resources that held."`
}

func (c *reportCmd) Run(ctx context.Context, out io.Writer) error {
	if c.All {
		all, err := client.New(c.Socket).Reports(ctx, c.Host)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(out, all)
		}
		return show.Reports(out, all)
	}
	k, err := client.New(c.Socket).Report(ctx, c.Host, c.Number)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(out, k)
	} else {
		err = show.Report(out, k, c.Verbose, time.Now())
	}
	if err != nil {
		return err
	}
	return reportStatus(k)
}

// reportStatus is how a command that shows a report ends.
func reportStatus(k reports.Kept) error {
	switch {
	case k.Status == catalog.Failed:
		return silent{exitFailed}
	case k.Silent || k.Age > 0:
		return silent{exitStale}
	}
	return nil
}
