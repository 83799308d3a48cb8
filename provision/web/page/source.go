package page

import (
	"context"

	"rackhand/provision"
)

// A Source has the data that the page shows. Its methods must be safe for concurrent use, and
// their results must never change afterwards.
type Source interface {
	// Hosts returns all hosts of the inventory and all unclaimed boxes.
	Hosts(ctx context.Context) ([]provision.HostStatus, error)
	// Events returns the last limit events of a host (or of the unclaimed box
	// with that MAC), oldest first. An empty host stands for all events.
	Events(ctx context.Context, host string, limit int) ([]provision.Event, error)
	// Subscribe sends every event with Seq > after, in order, first those that are
	// there already, then live ones, until ctx ends. It closes the channel when the
	// receiver is too slow: the receiver subscribes again from where it was.
	Subscribe(ctx context.Context, after uint64) (<-chan provision.Event, error)
	// Problems returns the present problems of the inventory and of the links, as
	// formatted text.
	Problems() []string
}
