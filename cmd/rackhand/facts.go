package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"rackhand/config"
	"rackhand/provision/catalog"
	"rackhand/provision/web/client"
	"rackhand/provision/web/show"
)

type factsCmd struct {
	socketFlag
	jsonFlag
	Host string `arg:"" complete:"host" help:"The host, by its name in the inventory."`
}

func (c *factsCmd) Run(ctx context.Context, out io.Writer) error {
	k, err := client.New(c.Socket).Facts(ctx, c.Host)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out, k)
	}
	return show.Facts(out, k, time.Now())
}

// storedFacts returns the facts of hosts that the running appliance with these settings keeps.
// Without one they are not known: the function is nil.
func storedFacts(ctx context.Context, cfg *config.Config) func(host string) map[string]any {
	if cfg == nil {
		return nil
	}
	if _, err := os.Stat(cfg.Socket); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	all, err := client.New(cfg.Socket).AllFacts(ctx)
	if err != nil {
		writeNotes([]string{fmt.Sprintf("the facts of hosts are not used: %v", err)})
		return nil
	}
	return func(host string) map[string]any {
		facts, err := catalog.DecodeFacts(all[host])
		if err != nil {
			return nil // none, as a rule
		}
		return facts
	}
}
