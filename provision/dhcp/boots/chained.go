// Package boots remembers how the cards of hosts boot: which of them were given a boot
// program, how often each asks for an address in this boot, and which unknown card is
// probably one of a host that is expected to boot. It sends and records nothing.
package boots

import (
	"sync"
	"time"

	"rackhand/inventory"
)

// How long a card is expected to run the boot program that it was given, and how many
// such cards are remembered: more than a rack has.
const (
	ChainedFor  = 5 * time.Minute
	chainedMost = 4096
)

// Chained remembers the cards that were given a boot program. An iPXE that asks next from
// such a card is that program, not the iPXE in the card's ROM. Without this record, a card
// with iPXE in its ROM would be given the host's boot program again and again. Its zero
// value is ready for use.
type Chained struct {
	mu    sync.Mutex
	since map[inventory.MAC]time.Time
}

// Add remembers that a card was given a program.
func (c *Chained) Add(mac inventory.MAC, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since == nil {
		c.since = map[inventory.MAC]time.Time{}
	}
	if _, known := c.since[mac]; !known && len(c.since) >= chainedMost {
		oldest, at := mac, now
		for m, t := range c.since {
			if !t.After(at) {
				oldest, at = m, t
			}
		}
		delete(c.since, oldest)
	}
	c.since[mac] = now
}

// Has reports whether a card was given a program recently. A clock that was set back clears
// the entry, which costs one more round at most.
func (c *Chained) Has(mac inventory.MAC, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := c.since[mac]
	if !ok {
		return false
	}
	if age := now.Sub(since); age < 0 || age >= ChainedFor {
		delete(c.since, mac)
		return false
	}
	return true
}
