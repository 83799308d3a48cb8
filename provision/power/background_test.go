package power

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"rackhand/provision/bmc"
	"rackhand/provision/bmc/bmctest"
)

// TestBackground: an operation in the background doesn't wait for another one, and another one
// doesn't wait for it.
func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &bmctest.Fake{On: true}
		c := New(Options{Drivers: map[bmc.Protocol]bmc.Driver{bmc.IPMI: fake}})
		target := bmc.Target{Address: netip.MustParseAddrPort("192.0.2.1:623"), Protocol: bmc.IPMI}
		slow := func(ctx context.Context, _ bmc.Session) error {
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		began := time.Now()
		polled := make(chan error)
		go func() { polled <- c.With(Background(t.Context()), "poll", target, bmc.Operator, slow) }()
		synctest.Wait()
		if _, err := c.Status(t.Context(), target); err != nil {
			t.Error(err)
		}
		if err := <-polled; !errors.Is(err, bmc.ErrBusy) {
			t.Errorf("a poll that gave way: %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("a command waited %s for a poll", took)
		}

		installing := make(chan error)
		go func() { installing <- c.With(t.Context(), "install", target, bmc.Operator, slow) }()
		synctest.Wait()
		began = time.Now()
		if err := c.With(Background(t.Context()), "poll", target, bmc.Operator, slow); !errors.Is(err, bmc.ErrBusy) || time.Since(began) > 0 {
			t.Errorf("a poll beside a command: %v after %s", err, time.Since(began))
		}
		if err := <-installing; err != nil {
			t.Error(err)
		}
		// Undisturbed, it comes to its end.
		if err := c.With(Background(t.Context()), "poll", target, bmc.Operator, slow); err != nil {
			t.Error(err)
		}
		if fake.Opened != 4 || fake.Closed != 4 {
			t.Errorf("%d sessions opened, %d closed", fake.Opened, fake.Closed)
		}
	})
}
