package store

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// A migration brings a database from one format to the next.
type migration func(tx *bbolt.Tx) error

// migrations lead from format 1 to the present one: the first turns 1 into 2. A format is
// the layout of the file and of every record in it. Each change of a record's meaning needs
// a migration. A new optional field needs none.
func migrations() []migration { return nil }

// firstFormat is the format of the first databases, and of those without a format.
const firstFormat = 1

// formatOf is the format that a database says it has.
func formatOf(tx *bbolt.Tx) (int, error) {
	switch f := tx.Bucket([]byte(bucketMeta)).Get([]byte(metaFormat)); {
	case f == nil:
		return firstFormat, nil
	case len(f) == 1 && f[0] >= firstFormat:
		return int(f[0]), nil
	default:
		return 0, fmt.Errorf("%w: its format is %x", ErrDamaged, f)
	}
}

// migrate brings a database to the present format, in one transaction,
// with a copy of it as it was beside it: rackhand.db.format-1.
func migrate(db *bbolt.DB, steps []migration) error {
	newest := firstFormat + len(steps)
	var old int
	err := db.View(func(tx *bbolt.Tx) (err error) { old, err = formatOf(tx); return err })
	switch {
	case err != nil || old == newest:
		return err
	case old > newest:
		return fmt.Errorf("%w: its format is %d, and this version knows %d at most: use the version that wrote it, or restore %s.format-%d, which that one kept",
			ErrNewer, old, newest, db.Path(), newest)
	}
	if err := backup(db, fmt.Sprintf("%s.format-%d", db.Path(), old)); err != nil {
		return fmt.Errorf("keeping a copy before its format changes from %d to %d: %w", old, newest, err)
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for i, step := range steps[old-firstFormat:] {
			if err := step(tx); err != nil {
				return fmt.Errorf("changing its format from %d to %d: %w; nothing was changed: use the version that wrote it", old+i, old+i+1, err)
			}
		}
		return putFormat(tx, newest)
	})
}

func putFormat(tx *bbolt.Tx, format int) error {
	return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaFormat), []byte{byte(format)})
}
