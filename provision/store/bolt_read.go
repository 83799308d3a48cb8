package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Get returns the record under key, or ErrNotFound.
func (s *boltStore) Get(ctx context.Context, key string) (Record, error) {
	var rec Record
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		raw := tx.Bucket([]byte(bucketRecords)).Get([]byte(key))
		if raw == nil {
			return fmt.Errorf("%.200q: %w", key, ErrNotFound)
		}
		var err error
		rec, err = decode([]byte(key), raw)
		return err
	})
	return rec, err
}

// List returns the records under prefix and the revision they were read at.
func (s *boltStore) List(ctx context.Context, prefix string) ([]Record, uint64, error) {
	var recs []Record
	var rev uint64
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		var err error
		if rev, err = getRev(tx); err != nil {
			return err
		}
		c := tx.Bucket([]byte(bucketRecords)).Cursor()
		for k, v := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
			rec, err := decode(k, v)
			if err != nil {
				return err
			}
			recs = append(recs, rec)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return recs, rev, nil
}

// Range returns the records with from <= key < to; an empty to has no upper end.
func (s *boltStore) Range(ctx context.Context, from, to string, limit int, reverse bool) ([]Record, error) {
	if limit < 0 {
		return nil, fmt.Errorf("%w: a limit of %d", ErrInvalid, limit)
	}
	var recs []Record
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte(bucketRecords)).Cursor()
		step := c.Next
		k, v := c.Seek([]byte(from))
		if reverse {
			step = c.Prev
			k, v = seekBefore(c, to)
		}
		for ; k != nil && inRange(k, from, to); k, v = step() {
			rec, err := decode(k, v)
			if err != nil {
				return err
			}
			recs = append(recs, rec)
			if len(recs) == limit {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return recs, nil
}

// seekBefore goes to the last key below to, or the last of all if to is empty.
func seekBefore(c *bbolt.Cursor, to string) (key, value []byte) {
	if to == "" {
		return c.Last()
	}
	if k, _ := c.Seek([]byte(to)); k == nil {
		return c.Last()
	}
	return c.Prev()
}

func inRange(key []byte, from, to string) bool {
	return string(key) >= from && (to == "" || string(key) < to)
}

// view runs f on a snapshot of the store.
func (s *boltStore) view(ctx context.Context, f func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for {
		db := s.handle()
		err := s.guarded(func() error { return db.View(f) })
		if !errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
			return err
		}
		if db == s.handle() {
			return ErrClosed
		}
		// Compact has replaced it in this moment.
	}
}

// decode copies a record out of bbolt's memory, which ends with its transaction.
func decode(key, raw []byte) (Record, error) {
	if len(raw) < revBytes {
		return Record{}, fmt.Errorf("%w: the record %.200q has %d bytes, fewer than its revision", ErrDamaged, key, len(raw))
	}
	return Record{
		Key:   string(key),
		Value: append([]byte{}, raw[revBytes:]...),
		Rev:   binary.BigEndian.Uint64(raw),
	}, nil
}
