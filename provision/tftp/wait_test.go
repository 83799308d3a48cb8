package tftp

import (
	"fmt"
	"testing"
	"time"

	"rackhand/provision"
)

// await waits until something is so on the server. The client has its last block before the
// server has its ACK.
func (b *testServer) await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 3000 {
		b.mu.Lock()
		is := done()
		b.mu.Unlock()
		if is {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s never came", what)
}

// wait waits until the server has recorded n events.
func (b *testServer) wait(t *testing.T, n int) (events []provision.Event) {
	t.Helper()
	b.await(t, fmt.Sprintf("%d events", n), func() bool {
		events = append([]provision.Event(nil), b.events...)
		return len(events) >= n
	})
	return events
}

// waitLookups waits until the server has looked n hosts up.
func (b *testServer) waitLookups(t *testing.T, n int) {
	t.Helper()
	b.await(t, fmt.Sprintf("%d lookups of a host", n), func() bool { return b.hostLookups >= n })
}

// recorded returns the events so far.
func (b *testServer) recorded() []provision.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]provision.Event(nil), b.events...)
}
