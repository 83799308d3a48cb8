package dhcp

import (
	"sync"
	"time"

	"rackhand/inventory"
)

// How long a card that was given a boot program is taken to run it, and how many
// such cards are remembered: more than a rack has.
const (
	chainedFor  = 5 * time.Minute
	chainedMost = 4096
)

// chained remembers which cards were given a boot program, so that the iPXE which
// asks next is known to be that program and not the card's own. Else a card with iPXE
// in its ROM, whose host names a program, would be given that program for ever.
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

// has reports whether a card was given a program lately. A clock that was set back
// forgets, which costs one more round at most.
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
