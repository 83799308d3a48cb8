package power

import (
	"context"
	"errors"
	"sync"

	"rackhand/provision/bmc"
)

type backgroundKey struct{}

// errWanted is the cause with which an operation in the background ends for another one.
var errWanted = errors.New("another operation wants the BMC")

// Background marks what can wait. An operation in this context takes a BMC only when no other
// one has it or waits for it, and ends when another one wants it. Its error then wraps
// [bmc.ErrBusy].
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

func inBackground(ctx context.Context) bool { return ctx.Value(backgroundKey{}) != nil }

// A giveWay ends the operation in the background that has the turn when another one waits.
type giveWay struct {
	mu      sync.Mutex
	waiting int
	end     context.CancelCauseFunc // nil: no operation in the background has the turn
}

// wait notes that an operation waits for the turn; the caller calls done when it has it, or has
// given up.
func (g *giveWay) wait() (done func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting++
	if g.end != nil {
		g.end(errWanted)
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting--
	}
}

// enter returns the context of an operation that has the turn; done comes before it gives the
// turn back. In the background, the context ends when another operation waits.
func (g *giveWay) enter(ctx context.Context) (_ context.Context, done func()) {
	if !inBackground(ctx) {
		return ctx, func() {}
	}
	ctx, end := context.WithCancelCause(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.end = end; g.waiting > 0 {
		end(errWanted)
	}
	return ctx, func() {
		g.mu.Lock()
		g.end = nil
		g.mu.Unlock()
		end(nil)
	}
}

// gaveWay is the error of an operation that ended for another one; other errors stay.
func gaveWay(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errWanted) {
		return &bmc.Error{Kind: bmc.ErrBusy, Err: errWanted}
	}
	return err
}
