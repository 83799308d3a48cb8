package converge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rackhand/provision/catalog"
)

// tries carries out the work on a resource that is no package, again after a failure where
// the resource says so. It returns false if a service has yet to prove itself.
func (r *run) tries(ctx context.Context, res *catalog.Resource, start time.Time, deadline time.Duration) (did []string, err error, done bool) {
	for try := 1; ; try++ {
		var some []string
		var watch *watched
		some, watch, err = r.work(ctx, res, deadline)
		if err == nil && watch != nil {
			if res.Retry == nil {
				watch.note = func(err error) { r.outcome(res, start, watch.did, err) }
				r.watching = append(r.watching, watch)
				return nil, nil, false
			}
			watch.note = func(e error) { err = e }
			others := r.watching
			r.watching = []*watched{watch}
			r.settle(ctx)
			r.watching = others
		}
		did = append(did, some...)
		if r.again(ctx, res, try, err) {
			continue
		}
		if len(did) == 0 {
			did = r.changes[res.ID] // by a try that failed all the same
		}
		return afterTries(try, unique(did), err), failedTries(try, err), true
	}
}

// work is one try.
func (r *run) work(ctx context.Context, res *catalog.Resource, deadline time.Duration) (did []string, watch *watched, err error) {
	switch {
	case res.File != nil:
		did, err = r.file(ctx, res, deadline)
	case res.Service != nil, res.Timer != nil:
		return r.service(ctx, res, deadline)
	default:
		did, err = r.provided(ctx, res, deadline)
	}
	return did, nil, err
}

// again reports whether work is tried once more after an error, and waits until then.
func (r *run) again(ctx context.Context, res *catalog.Resource, try int, err error) bool {
	wait, yes := r.mayRetry(ctx, res, try, err)
	return yes && r.sleep(ctx, wait) == nil
}

// mayRetry reports whether work may be tried once more after an error, and when.
func (r *run) mayRetry(ctx context.Context, res *catalog.Resource, try int, err error) (wait time.Duration, yes bool) {
	var u *unsure
	if err == nil || res.Retry == nil || r.noop || try >= res.Retry.Tries || ctx.Err() != nil || errors.As(err, &u) {
		return 0, false
	}
	wait = time.Duration(res.Retry.Wait) * time.Second
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= wait {
		return 0, false
	}
	r.Log.Warn("failed, and is tried again", "resource", res.ID, "try", try, "of", res.Retry.Tries, "in", wait.String(), "error", short(err.Error()))
	return wait, true
}

// afterTries adds to what was done how many tries it took.
func afterTries(try int, did []string, err error) []string {
	if err == nil && try > 1 && len(did) > 0 {
		did = append(slices.Clone(did), fmt.Sprintf("after %d tries", try))
	}
	return did
}

func failedTries(try int, err error) error {
	if err != nil && try > 1 {
		return fmt.Errorf("after %d tries: %w", try, err)
	}
	return err
}

// unique drops what was said before.
func unique(texts []string) (out []string) {
	for _, t := range texts {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// notNow says why a resource isn't looked at in this run; "" if it is.
func (r *run) notNow(res *catalog.Resource) string {
	if len(res.OnlyOn) > 0 && r.state.Whole {
		return "only on the first boot"
	}
	return ""
}

// leave notes the result of a resource that isn't looked at. A refresh of it isn't due either.
func (r *run) leave(res *catalog.Resource, start time.Time, why string) {
	if !r.noop {
		if err := r.state.refreshed(res.ID); err != nil {
			r.done(res, start, catalog.Failed, short(err.Error()))
			return
		}
	}
	r.done(res, start, catalog.OK, why)
}
