package appliance

import (
	"context"
	"time"

	"rackhand/provision"
)

// certificates revokes the certificates of systems that no longer speak for their hosts,
// after changes of the inventory or of an install, until ctx ends.
func (a *Appliance) certificates(ctx context.Context) error {
	for ctx.Err() == nil {
		events, err := a.journal.Subscribe(ctx, a.journal.Seq())
		if err != nil {
			return err
		}
		for again := true; again; {
			if err := a.sweepCertificates(ctx); err != nil && ctx.Err() == nil {
				a.Log.Error("revoking certificates", "error", err)
				select {
				case <-ctx.Done():
				case <-time.After(5 * time.Second):
				}
			}
			again = awaitChange(ctx, events)
		}
	}
	return nil
}

// awaitChange waits for an event that may have made a certificate stale, or for a minute. It
// returns false when the events have ended.
func awaitChange(ctx context.Context, events <-chan provision.Event) bool {
	minute := time.NewTimer(time.Minute)
	defer minute.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok || e.Stage != "" || e.Source == "inventory" {
				return ok
			}
		case <-minute.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

func (a *Appliance) sweepCertificates(ctx context.Context) error {
	if len(a.holder.Problems()) > 0 {
		return nil // which hosts are still in the inventory is unknown
	}
	return a.web.SweepCertificates(ctx)
}
