package dhcp

import (
	"sync"
	"time"

	"rackhand/inventory"
)

// How long a card is expected to run the boot program that it was given, and how many
// such cards are remembered: more than a rack has.
const (
	chainedFor  = 5 * time.Minute
	chainedMost = 4096
)

// chained remembers the cards that were given a boot program. An iPXE that asks next from
// such a card is that program, not the iPXE in the card's ROM. Without this record, a card
// with iPXE in its ROM would be given the host's boot program again and again.
type chained struct {
	mu    sync.Mutex
	since map[inventory.MAC]time.Time
}

func (c *chained) add(mac inventory.MAC, now time.Time) {
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

// has reports whether a card was given a program recently. A clock that was set back clears
// the entry, which costs one more round at most.
func (c *chained) has(mac inventory.MAC, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, ok := c.since[mac]
	if !ok {
		return false
	}
	if age := now.Sub(since); age < 0 || age >= chainedFor {
		delete(c.since, mac)
		return false
	}
	return true
}
