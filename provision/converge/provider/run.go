package provider

import (
	"context"
	"fmt"

	"rackhand/provision/converge/command"
)

// run runs a program that has to succeed.
func (h Host) run(ctx context.Context, args ...string) (command.Output, error) {
	out, err := h.Runner.Run(ctx, nil, args...)
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("%s: %s", args[0], out.Explain())
	}
	return out, err
}
