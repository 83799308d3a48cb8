package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rackhand/provision/catalog"
)

// file converges a file. What it notifies is noted on disk before it changes: a
// run that dies in between leaves the restart to the next one.
func (r *run) file(ctx context.Context, res *catalog.Resource, deadline time.Duration) ([]string, error) {
	if r.catalog.Format >= catalog.Format2 && res.File.Sensitive && res.File.Ensure == catalog.FileKind {
		var err error
		if res, err = r.withSecret(ctx, res, deadline); err != nil {
			return nil, err
		}
	}
	differs, err := r.checkFile(ctx, res, deadline)
	if r.noop {
		return r.wouldMake(ctx, res, differs, err)
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

// withSecret is a sensitive file with its content, which is in memory alone. Without the
// appliance, a file that is there stays as it is.
func (r *run) withSecret(ctx context.Context, res *catalog.Resource, deadline time.Duration) (*catalog.Resource, error) {
	content, err := r.Contents.secret(ctx, res.File)
	if errors.Is(err, errWithoutAppliance) {
		there := r.bounded(ctx, res.ID, deadline, func(context.Context) error {
			if !r.Files.Has(res.File) {
				return errors.New("it isn't there")
			}
			return nil
		})
		if there == nil {
			return nil, &unsure{fmt.Errorf("the file stays as it is: %w", err)}
		}
		return nil, fmt.Errorf("%w: %w", there, err)
	}
	if err != nil {
		return nil, fmt.Errorf("fetching its content: %w", err)
	}
	out, file := *res, *res.File
	file.Content, file.SHA256, file.Size = content, "", 0
	out.File = &file
	return &out, nil
}
