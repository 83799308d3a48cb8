// Package probe runs checks over the network, HTTP and TCP with or without TLS. The appliance
// uses it from outside, and the agent on its host.
package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"rackhand/provision/catalog"
)

const (
	maxBody   = 1 << 20 // of a body that is searched, in bytes
	maxBanner = 64 << 10
	maxShown  = 200 // of a text that came and wasn't expected
)

// A Network runs checks over the network.
type Network struct {
	Clock func() time.Time // judges certificates
}

// Try runs a check once, within its deadline, and says what it saw.
func (n Network) Try(ctx context.Context, c *catalog.Check) (seen string, err error) {
	return Once(ctx, c, func(ctx context.Context) (string, error) { return n.Look(ctx, c) })
}

// Look is Try without the deadline and the words of the check.
func (n Network) Look(ctx context.Context, c *catalog.Check) (seen string, err error) {
	switch {
	case c.HTTP != nil:
		return n.http(ctx, c.HTTP)
	case c.TCP != nil:
		return n.tcp(ctx, c.TCP)
	}
	return "", errors.New("it can't be run over the network")
}

// Once runs look within the deadline of a check. What it saw, or its error, follows the words
// of the check.
func Once(ctx context.Context, c *catalog.Check, look func(context.Context) (seen string, err error)) (string, error) {
	if c.Problem != "" {
		return "", errors.New(c.Problem)
	}
	deadline := time.Duration(c.Deadline) * time.Second
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, deadlineError{fmt.Sprintf("the deadline of %s has passed", deadline)})
	defer cancel()
	seen, err := look(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.Words(), withCause(ctx, err))
	}
	return c.Words() + seen, nil
}

// withCause says of an error after the deadline that the deadline is its cause.
func withCause(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case cause == nil || errors.Is(err, cause):
		return err
	case errors.Is(err, ctx.Err()) || errors.Is(err, os.ErrDeadlineExceeded):
		return cause
	}
	return fmt.Errorf("%w: %w", cause, err)
}
