package power

import (
	"context"
	"errors"
	"io"

	"rackhand/provision/bmc"
)

// Console attaches to the serial console of a box, by serial over LAN (IPMI), in a session
// beside that of an operation. A BMC that is spoken to by Redfish needs beside set: IPMI
// protects the password less.
func (c *Controller) Console(ctx context.Context, t bmc.Target, beside, takeover bool) (io.ReadWriteCloser, error) {
	const op = "attach to the console"
	driver, ok := c.opts.Drivers[bmc.IPMI].(bmc.Consoles)
	if !ok {
		return nil, bmc.Named(op, t, bmc.ErrUnsupported)
	}
	m, err := c.Memory(ctx, t.Address)
	if err != nil {
		return nil, bmc.Named(op, t, err)
	}
	if !beside && (t.Protocol == bmc.Redfish || t.Protocol != bmc.IPMI && protocols(t, m)[0] == bmc.Redfish) {
		return nil, &bmc.Error{
			Op: op, BMC: t.Address, Kind: bmc.ErrConsoleOff, Err: errors.New("it is spoken to by Redfish, and rackhand reaches consoles by IPMI"),
			Hint: "write `bmc: {console: sol}` to log in by IPMI for the console",
		}
	}
	t.Privilege = t.Privilege.AtLeast(bmc.Operator)
	t = at(t, bmc.IPMI)
	conn, err := driver.OpenConsole(ctx, t, &m, takeover)
	if err != nil {
		return nil, bmc.Named(op, t, err)
	}
	return conn, nil
}
