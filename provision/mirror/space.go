package mirror

import "fmt"

// reserve takes space for n bytes that a flight is about to receive, so that stored files
// and downloads together stay within the size of the cache. The least recently used files
// are removed; space that other flights have reserved is not taken.
func (c *Cache) reserve(f *flight, n int64) error {
	c.mu.Lock()
	if c.reserved+n > c.o.MaxBytes {
		c.mu.Unlock()
		return fmt.Errorf("%d bytes more than fit into the cache beside what is being fetched (mirror.size is %d bytes)", c.reserved+n-c.o.MaxBytes, c.o.MaxBytes)
	}
	c.reserved += n
	f.reserved += n
	c.mu.Unlock()
	c.freeSpace()
	return nil
}

// release gives back what a flight has reserved.
func (c *Cache) release(f *flight) {
	c.mu.Lock()
	c.reserved -= f.reserved
	f.reserved = 0
	c.mu.Unlock()
}

// countStored counts the bytes that a flight has received instead of those that it had
// reserved.
func (c *Cache) countStored(f *flight) {
	c.mu.Lock()
	c.reserved -= f.reserved
	f.reserved = 0
	if c.bytes >= 0 {
		c.bytes += f.size
	}
	c.added += f.size
	c.mu.Unlock()
	c.freeSpace()
}

// freeSpace prunes the cache when it may be too large. It runs once at a time.
func (c *Cache) freeSpace() {
	c.pruning.Lock()
	defer c.pruning.Unlock()
	c.mu.Lock()
	room := c.o.MaxBytes - c.reserved
	due := c.bytes < 0 || c.bytes > room
	c.added = 0
	c.mu.Unlock()
	if !due {
		return
	}
	left := c.prune(room)
	c.mu.Lock()
	c.bytes = left + c.added // files that came meanwhile may be counted twice
	c.mu.Unlock()
}
