package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"rackhand/config/visible"
	"rackhand/inventory"
	"rackhand/provision/web/client"
)

// claimPatience is how long a claim waits for the appliance to read the inventory again. It
// does so 200 ms after a change.
const claimPatience = 3 * time.Second

// next ends a claim beside a running appliance: it waits until the appliance knows the host, so
// that the next command finds it, and says which one that is.
func (c *claimCmd) next(ctx context.Context, out io.Writer, h *inventory.Host) {
	if !c.known(ctx, h.Name) {
		fmt.Fprintf(os.Stderr, "rackhand: the appliance doesn't know %s yet: its log says whether it reads %s, and what is wrong there\n",
			h.Name, visible.Text(c.Inventory))
		return
	}
	switch {
	case h.System == nil || h.Install == inventory.Never:
	case h.Install == inventory.FirstBoot:
		fmt.Fprintf(out, "\n%[1]s is installed when it boots from the network. If it waits at its boot\nprogram, it goes on within ten seconds. Follow it: `rackhand watch %[1]s`\n", h.Name)
	default:
		fmt.Fprintf(out, "\n%[1]s isn't installed before you ask for it: `rackhand install %[1]s`\n", h.Name)
	}
}

// known waits until the appliance has the host in its inventory.
func (c *claimCmd) known(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	for {
		st, err := client.New(c.Socket).Status(ctx)
		if err == nil {
			if _, err = client.Find(st, name); err == nil {
				return true
			}
		}
		if sleepFor(ctx, 100*time.Millisecond) != nil {
			return false
		}
	}
}
