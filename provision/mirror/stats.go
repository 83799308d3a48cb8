package mirror

// Stats are what the cache has asked of its upstreams since the start.
type Stats struct {
	Fetches  uint64 // questions to an upstream, one for all clients that wait for a file
	Failures uint64 // of these, the ones that brought neither a file nor a clear answer
	Fetched  uint64 // bytes of files
}

// Stats returns what the cache has asked of its upstreams.
func (c *Cache) Stats() Stats {
	return Stats{Fetches: c.fetches.Load(), Failures: c.failures.Load(), Fetched: c.fetched.Load()}
}

// count counts a flight that has ended.
func (c *Cache) count(f *flight) {
	c.fetches.Add(1)
	switch f.outcome {
	case unreachable, refused, mismatched, full:
		c.failures.Add(1)
	case incoming:
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err != nil {
			c.failures.Add(1)
		}
	}
}
