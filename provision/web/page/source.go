package page

import (
	"context"

	"rackhand/provision"
)

// A Source is where the page gets what it shows. Its methods are called at once
// from many goroutines, and what they return is never changed afterwards.
type Source interface {
	// Hosts returns all hosts of the inventory and all unclaimed boxes.
	Hosts(ctx context.Context) ([]provision.HostStatus, error)
	// Events returns the last limit events of a host (or of the unclaimed box
	// with that MAC), oldest first. An empty host means every event there is.
	Events(ctx context.Context, host string, limit int) ([]provision.Event, error)
	// Subscribe sends every event with Seq > after, in order, first those that are
	// there already, then live ones, until ctx ends. It closes the channel when the
	// receiver is too slow: the receiver subscribes again from where it was.
	Subscribe(ctx context.Context, after uint64) (<-chan provision.Event, error)
	// Problems says what is wrong now with the inventory and with the links: text
	// blocks that are laid out already. Empty when nothing is.
	Problems() []string
}
