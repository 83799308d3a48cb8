// Package fake stands in for the installer's surroundings in its tests: a clock that
// does not wait, an appliance, a server that breaks off, a tree with every kind of
// file.
package fake

import (
	"context"
	"sync"
	"time"
)

// A Clock does not wait: it notes how long it should have.
type Clock struct {
	Time  time.Time
	Slept []time.Duration
	// The times that the clocks were set to, and the error that setting them returns.
	WasSet, HardwareSet time.Time
	SetErr, HardwareErr error

	mu sync.Mutex
}

// Now is Time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Time
}

// Sleep notes d and moves Time on by it.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Slept = append(c.Slept, d)
	c.Time = c.Time.Add(d)
	return ctx.Err()
}

// Set notes t and sets Time to it, or returns SetErr.
func (c *Clock) Set(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.SetErr == nil {
		c.WasSet, c.Time = t, t
	}
	return c.SetErr
}

// SetHardware notes t, or returns HardwareErr.
func (c *Clock) SetHardware(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.HardwareErr == nil {
		c.HardwareSet = t
	}
	return c.HardwareErr
}

// NoLog drops a message.
func NoLog(string, ...any) {}
