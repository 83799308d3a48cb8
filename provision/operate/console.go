package operate

import (
	"context"
	"fmt"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/console"
)

// Console attaches to a host's serial console. That is an event: what is typed there isn't.
func (o *Operator) Console(ctx context.Context, host string, how console.How) (*console.Attachment, error) {
	if err := o.hasBMC(host); err != nil {
		return nil, err
	}
	a, err := o.Consoles.Attach(ctx, host, how)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", host, err)
	}
	message := "an operator is attached to the console"
	switch {
	case how.ReadOnly:
		message += ", and only looks"
	case how.Takeover:
		message += ", and has taken it over"
	}
	if err := o.Journal.Record(provision.Event{Host: host, Source: "operator", Kind: "console", Message: message}); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// ConsoleLog is the end of a host's console, as it was kept.
func (o *Operator) ConsoleLog(host string) (string, error) {
	if err := o.hasBMC(host); err != nil {
		return "", err
	}
	return o.Consoles.Tail(host, 1<<20), nil
}

func (o *Operator) hasBMC(host string) error {
	h := o.Snapshot().Hosts[host]
	if h == nil || h.BMC == nil {
		return fmt.Errorf("%s: %w", host, bmc.ErrNoBMC)
	}
	return nil
}
