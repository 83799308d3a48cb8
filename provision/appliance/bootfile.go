package appliance

import (
	"context"
	"io"
	"net/netip"
)

// openBootfile opens what a client of TFTP asks for.
func (a *Appliance) openBootfile(_ context.Context, _ netip.Addr, name string) (io.ReadSeekCloser, int64, error) {
	f, size, err := a.files.Open(name)
	if err != nil {
		return nil, 0, err // not a typed nil in the interface
	}
	return f, size, nil
}
