// Package store keeps leases, installs, events, certificates and reports: small
// records under string keys with a revision each. The shape fits bbolt (one
// appliance) and etcd (several); one conformance suite runs over every
// implementation, and nothing outside this package knows which one it is.
package store

import (
	"context"
	"errors"
)

// A Record is a value under a key.
type Record struct {
	Key   string
	Value []byte
	// Rev is the store's revision at which this value was written. Revisions grow
	// by at least one with every transaction.
	Rev uint64
}

// A Cond must hold for a transaction to happen: the key's Rev is exactly Rev,
// where 0 means that the key does not exist.
type Cond struct {
	Key string
	Rev uint64
}

// An Op is one write of a transaction.
type Op struct {
	Key    string
	Value  []byte
	Delete bool
}

// A Change is a watcher's view of a change: a record was written, or its key was deleted
// (Value is nil, Rev belongs to the deleting transaction).
type Change struct {
	Record
	Deleted bool
}

// Errors that callers tell apart with errors.Is.
var (
	ErrNotFound = errors.New("no such key")
	// ErrConflict: a condition of the transaction did not hold; nothing was written.
	ErrConflict = errors.New("the record was changed meanwhile")
	// ErrCompacted: a watch asked for a revision that is no longer kept; list again.
	ErrCompacted = errors.New("revision no longer kept")
	ErrClosed    = errors.New("store is closed")
)

// A Store is an implementation's interface. Many goroutines may call its methods at
// once.
type Store interface {
	// Get returns the record under key, or ErrNotFound.
	Get(ctx context.Context, key string) (Record, error)
	// List returns the records whose key begins with prefix, in key order, and the
	// revision of the store that they were read at.
	List(ctx context.Context, prefix string) ([]Record, uint64, error)
	// Range returns at most limit records with from <= key < to in key order, or
	// in reverse order when reverse is set; limit 0 means all, and an empty to
	// means that there is no upper end.
	Range(ctx context.Context, from, to string, limit int, reverse bool) ([]Record, error)
	// Txn writes all ops or none, and returns the new revision once they are on
	// disk. ErrConflict when a condition does not hold. Transactions that wait at
	// the same time share one sync. When ctx ends while it is being written, the
	// error is ErrUnknown: read before deciding. The bounds are in limits.go.
	Txn(ctx context.Context, conds []Cond, ops ...Op) (uint64, error)
	// Watch sends every change under prefix made after revision after, in order,
	// until ctx ends; then the channel is closed. A watcher that is too slow is
	// closed as well: it lists again.
	Watch(ctx context.Context, prefix string, after uint64) (<-chan Change, error)
	Close() error
}
