package operate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rackhand/inventory"
	"rackhand/provision"
)

// MirrorForget removes the files that the mirror cache keeps at a place. The error wraps
// provision.ErrNotKept when there are none.
func (o *Operator) MirrorForget(_ context.Context, at string) (provision.MirrorForgotten, error) {
	got, err := o.Forget(at)
	if err != nil {
		return got, err
	}
	return got, o.Journal.Record(provision.Event{
		Source: "operator", Kind: "mirror-forgotten",
		Message: fmt.Sprintf("%d files (%d bytes) of the mirror cache were forgotten: %s", got.Files, got.Bytes, got.Place),
		Fields:  map[string]string{"path": got.Place},
	})
}

// Prefetch fills the mirror cache for the hosts of a system.
func (o *Operator) Prefetch(ctx context.Context, system string) (provision.Prefetched, error) {
	fail := func(err error) (provision.Prefetched, error) {
		return provision.Prefetched{}, fmt.Errorf("system %s: %w", system, err)
	}
	snap := o.Snapshot()
	s := snap.Systems[system]
	if s == nil {
		return fail(errors.New("no such system in the inventory"))
	}
	var hosts []*inventory.Host
	for _, name := range slices.Sorted(maps.Keys(snap.Hosts)) {
		if h := snap.Hosts[name]; h.System == s {
			hosts = append(hosts, h)
		}
	}
	out, err := o.Fetch(ctx, s, hosts)
	if err != nil {
		return fail(err)
	}
	return out, o.Journal.Record(provision.Event{
		Source: "operator", Kind: "prefetched",
		Message: fmt.Sprintf("what the %d hosts of %s will ask for is in the mirror cache: %d packages, %d MB of them fetched now", out.Hosts, system, out.Packages, out.Bytes>>20),
	})
}
