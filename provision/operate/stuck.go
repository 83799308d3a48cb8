package operate

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"rackhand/provision"
)

const (
	// stuckEvery is how often installs under way are looked at.
	stuckEvery = 5 * time.Second
	// mostTold is the most events `stuck` of one install.
	mostTold = 16
)

// WatchStuck records an event when an install or job under way gets stuck, once for each
// rule and attempt, until ctx ends. It returns nil.
func (o *Operator) WatchStuck(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(stuckEvery)
	defer tick.Stop()
	for {
		if err := o.tellStuck(ctx); err != nil && ctx.Err() == nil {
			log.Error("looking for installs that are stuck", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tellStuck records an event for each host that is stuck by a rule that has
// no event yet. A question to the operator has its own event.
func (o *Operator) tellStuck(ctx context.Context) error {
	d, err := o.Diagnosis.Diagnose(ctx, o.Snapshot(), o.Now())
	if err != nil {
		return err
	}
	for _, host := range slices.Sorted(maps.Keys(d.Stuck)) {
		s := d.Stuck[host]
		in, ok := o.Journal.Current(host)
		key := toldAs(o.Journal.Shown(in), s)
		if !ok || !in.UnderWay() || s.Rule == "held" || s.Rule == "question" || slices.Contains(in.Told, key) || len(in.Told) >= mostTold {
			continue
		}
		_, err := o.Journal.Update(host, in.ID, func(now provision.Install) (provision.Install, provision.Event, error) {
			now.Told = append(slices.Clone(now.Told), key)
			return now, stuckEvent(s), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// toldAs is how an install remembers that the operator was told. A box that gets stuck in a
// later attempt as in an earlier one has got on meanwhile, which is news. Within an attempt it
// may go back and forth. An error of an earlier attempt that stands is no news either. in has
// times of day.
func toldAs(in provision.Install, s *provision.Stuck) string {
	if began := in.Reached[provision.Script]; in.Attempts > 1 && !began.IsZero() && s.Since.After(began) {
		return fmt.Sprintf("%s in attempt %d", s.Rule, in.Attempts)
	}
	return s.Rule
}

func stuckEvent(s *provision.Stuck) provision.Event {
	message := "It is stuck. " + s.Cause() + " " + s.Remedy.String()
	fields := map[string]string{"rule": s.Rule}
	if s.Remedy.Command != "" {
		fields["command"] = s.Remedy.Command
	}
	return provision.Event{Source: "appliance", Kind: "stuck", Level: provision.LevelWarn, Message: message, Fields: fields}
}
