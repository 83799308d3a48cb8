package store

import (
	"errors"
	"fmt"
)

// Bounds of a store's requests. They lie below etcd's defaults (128 operations
// and 1.5 MiB a request), so that what fits here fits there.
const (
	MaxKey      = 1 << 10 // bytes of a key
	MaxValue    = 1 << 20 // bytes of a value
	MaxOps      = 128     // operations of a transaction, and as many conditions
	MaxTxnBytes = MaxValue + MaxValue/4
)

var (
	// ErrInvalid: the caller asked for something that no store takes: an empty or
	// too long key, too large a value, a key written twice. Nothing was written.
	ErrInvalid = errors.New("not a valid request to the store")
	// ErrUnknown: the wait for a transaction was given up (its context ended)
	// after the store had begun to write it. It may be on disk or not: read before
	// deciding. A transaction given up before that returns the context's error
	// alone, and was certainly not written.
	ErrUnknown = errors.New("it is not known whether the transaction was written")
	// ErrLocked: the store's file is held by another process.
	ErrLocked = errors.New("another rackhand has it open")
)

// checkTxn holds a transaction against the bounds.
func checkTxn(conds []Cond, ops []Op) error {
	if len(ops) > MaxOps || len(conds) > MaxOps {
		return fmt.Errorf("%w: %d operations and %d conditions in one transaction, %d of each is the limit: split it",
			ErrInvalid, len(ops), len(conds), MaxOps)
	}
	for _, c := range conds {
		if err := checkKey(c.Key); err != nil {
			return err
		}
	}
	size := 0
	seen := make(map[string]bool, len(ops))
	for _, op := range ops {
		if err := checkKey(op.Key); err != nil {
			return err
		}
		if seen[op.Key] {
			return fmt.Errorf("%w: key %q is written twice in one transaction", ErrInvalid, op.Key)
		}
		seen[op.Key] = true
		if len(op.Value) > MaxValue {
			return fmt.Errorf("%w: the value of %q has %d bytes, %d is the limit", ErrInvalid, op.Key, len(op.Value), MaxValue)
		}
		size += len(op.Key) + len(op.Value)
	}
	if size > MaxTxnBytes {
		return fmt.Errorf("%w: a transaction of %d bytes, %d is the limit: split it", ErrInvalid, size, MaxTxnBytes)
	}
	return nil
}

func checkKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: an empty key", ErrInvalid)
	}
	if len(key) > MaxKey {
		return fmt.Errorf("%w: a key of %d bytes (%.40q...), %d is the limit", ErrInvalid, len(key), key, MaxKey)
	}
	return nil
}
