package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/provider"
)

// provided converges a resource that has a provider, and carries out the refresh that is due.
func (r *run) provided(ctx context.Context, res *catalog.Resource, deadline time.Duration) ([]string, error) {
	kind, _ := res.Kind()
	p := r.Providers[kind]
	if p == nil {
		return nil, errors.New(r.unknown(fmt.Sprintf("it has no provider for %q", kind)))
	}
	if res.HasSecret {
		var err error
		if res, err = r.resourceWithSecret(ctx, res); err != nil {
			return nil, err
		}
	}
	check := func(ctx context.Context) ([]string, error) { return p.Check(ctx, res) }
	did, err := r.check(ctx, res, deadline, check)
	if err != nil {
		return nil, err
	}
	a, isActor := p.(provider.Actor)
	acts := isActor && a.Acts(res)
	if len(did) > 0 {
		if err := r.provide(ctx, res, deadline, did, p, check); err != nil {
			return nil, err
		}
		if acts { // it has just done what a refresh would do
			return did, r.refreshed(res.ID)
		}
	}
	f, ok := p.(provider.Refresher)
	by := r.dueBy(res.ID)
	if !ok || len(by) == 0 || r.held(res, "refresh") { // what is held stays on disk
		return did, nil
	}
	said := make(chan string, 1) // work that is left behind must not write to a variable here
	err = r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error {
		what, err := f.Refresh(ctx, res, r.noop)
		said <- what
		return err
	})
	if err != nil {
		return did, fmt.Errorf("%w (the refresh stays pending)", err)
	}
	r.touched = r.touched || !r.noop
	if what := <-said; what != "" {
		did = append(did, fmt.Sprintf("%s, since %s changed", what, strings.Join(by, ", ")))
		r.onlyRefreshed[res.ID] = len(did) == 1
	}
	return did, r.refreshed(res.ID)
}

// provide brings a resource about that differs. A dry run shows the change alone.
func (r *run) provide(ctx context.Context, res *catalog.Resource, deadline time.Duration, differs []string, p provider.Provider, check func(context.Context) ([]string, error)) error {
	if r.noop {
		if d, ok := p.(provider.Differ); ok {
			r.diffs[res.ID] = d.Diff(ctx, res)
		}
		return nil
	}
	if err := r.change(ctx, res, deadline, differs, check, func(ctx context.Context) error { return p.Apply(ctx, res) }); err != nil {
		return err
	}
	if a, ok := p.(provider.Actor); ok && a.Acts(res) {
		return nil
	}
	still, err := r.check(ctx, res, deadline, check)
	if err == nil && len(still) > 0 {
		err = fmt.Errorf("it was changed (%s), and differs still: %s", strings.Join(differs, "; "), strings.Join(still, "; "))
	}
	return err
}

// refreshed notes that a pending refresh was made.
func (r *run) refreshed(id string) error {
	if r.noop {
		return nil
	}
	return r.state.refreshed(id)
}

// resourceWithSecret is a resource with its secret, which is in memory alone. Without the appliance
// it stays as it is.
func (r *run) resourceWithSecret(ctx context.Context, res *catalog.Resource) (*catalog.Resource, error) {
	secret, err := r.Contents.secret(ctx, catalog.SecretOf(res.ID))
	switch {
	case errors.Is(err, errWithoutAppliance):
		return nil, &unsure{fmt.Errorf("it stays as it is: %w", err)}
	case err != nil:
		return nil, fmt.Errorf("fetching its secret: %w", err)
	case secret == "":
		return nil, errors.New("the appliance's secret for it is empty")
	}
	with := res.WithSecret(secret)
	if err := with.Validate(); err != nil {
		return nil, fmt.Errorf("the appliance's secret for it: %w", err)
	}
	return &with, nil
}

// check runs a check that may hang.
func (r *run) check(ctx context.Context, res *catalog.Resource, deadline time.Duration, check func(context.Context) ([]string, error)) (differs []string, err error) {
	found := make(chan []string, 1) // work that is left behind must not write to a variable here
	err = r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error {
		d, err := check(ctx)
		found <- d
		return err
	})
	if err == nil {
		differs = <-found
	}
	return differs, err
}

// change brings a resource about that differs. What it notifies is noted on disk before it
// changes: a run that dies in between leaves the refresh to the next one.
func (r *run) change(ctx context.Context, res *catalog.Resource, deadline time.Duration, differs []string, check func(context.Context) ([]string, error), apply func(context.Context) error) error {
	r.touched = true
	added, err := r.state.mark(res.Notify, res.ID, r.Clock())
	if err != nil {
		return err
	}
	r.changes[res.ID] = differs
	err = r.bounded(ctx, res.ID, deadline, apply)
	if err == nil {
		return nil
	}
	// Nothing was changed: then nothing has to be refreshed either.
	if still, checkErr := r.check(ctx, res, deadline, check); checkErr == nil && slices.Equal(still, differs) {
		delete(r.changes, res.ID)
		if err := r.state.unmark(added, res.ID); err != nil {
			return err
		}
	}
	return err
}
