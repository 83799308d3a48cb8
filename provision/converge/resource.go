package converge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rackhand/provision/catalog"
)

// file converges a file.
func (r *run) file(ctx context.Context, res *catalog.Resource, deadline time.Duration) ([]string, error) {
	if r.catalog.Format >= catalog.Format2 && res.File.Sensitive && res.File.Ensure == catalog.FileKind {
		var err error
		if res, err = r.fileWithSecret(ctx, res, deadline); err != nil {
			return nil, err
		}
	}
	differs, err := r.check(ctx, res, deadline, r.fileCheck(res))
	if r.noop {
		differs, err = r.wouldMake(ctx, res, differs, err)
		r.draft(ctx, res, differs, err)
		return differs, err
	}
	if err != nil || len(differs) == 0 {
		return differs, err
	}
	apply := func(ctx context.Context) error { return r.Files.Apply(ctx, res.File) }
	if err := r.change(ctx, res, deadline, differs, r.fileCheck(res), apply); err != nil {
		return nil, err
	}
	return differs, nil
}

// fileCheck is the check of a file.
func (r *run) fileCheck(res *catalog.Resource) func(context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) { return r.Files.Check(ctx, res.File) }
}

// fileWithSecret is a sensitive file with its content, which is in memory alone. Without the
// appliance, a file that is there stays as it is.
func (r *run) fileWithSecret(ctx context.Context, res *catalog.Resource, deadline time.Duration) (*catalog.Resource, error) {
	content, err := r.Contents.secret(ctx, catalog.SecretsPath+res.File.Path)
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
