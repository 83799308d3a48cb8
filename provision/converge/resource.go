package converge

import (
	"context"
	"slices"
	"time"

	"rackhand/provision/catalog"
)

// file converges a file. What it notifies is noted on disk before it changes: a
// run that dies in between leaves the restart to the next one.
func (r *run) file(ctx context.Context, res *catalog.Resource, deadline time.Duration) ([]string, error) {
	differs, err := r.checkFile(ctx, res, deadline)
	if r.noop {
		return r.wouldMake(res, differs, err)
	}
	if err != nil || len(differs) == 0 {
		return differs, err
	}
	r.touched = true
	added, err := r.state.mark(res.Notify, res.ID, r.Clock())
	if err != nil {
		return nil, err
	}
	err = r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error { return r.Files.Apply(ctx, res.File) })
	if err == nil {
		return differs, nil
	}
	// Nothing was changed: then nothing has to be restarted either.
	if still, checkErr := r.checkFile(ctx, res, deadline); checkErr == nil && slices.Equal(still, differs) {
		if err := r.state.unmark(added, res.ID); err != nil {
			return nil, err
		}
	}
	return nil, err
}

func (r *run) checkFile(ctx context.Context, res *catalog.Resource, deadline time.Duration) (differs []string, err error) {
	found := make(chan []string, 1) // work that is left behind must not write to a variable here
	err = r.bounded(ctx, res.ID, deadline, func(ctx context.Context) error {
		d, err := r.Files.Check(ctx, res.File)
		found <- d
		return err
	})
	if err == nil {
		differs = <-found
	}
	return differs, err
}
