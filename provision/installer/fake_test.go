package installer

import (
	"context"
	"sync"
	"time"
)

// fakeClock doesn't wait: it notes how long it should have.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
	// What the clocks were set to, and what that is refused with.
	set, hardware       time.Time
	setErr, hardwareErr error
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	c.now = c.now.Add(d)
	return ctx.Err()
}

func (c *fakeClock) Set(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.setErr == nil {
		c.set, c.now = t, t
	}
	return c.setErr
}

func (c *fakeClock) SetHardware(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hardwareErr == nil {
		c.hardware = t
	}
	return c.hardwareErr
}

func quiet(string, ...any) {}
