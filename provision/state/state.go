// Package state opens the database of a state folder, and checks it against the files
// beside it. A database or a CA that is gone is noticed, and never replaced as if this were
// the first start.
package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rackhand/provision/store"
)

// ErrAsk means that something in the state folder is missing, damaged or from another
// appliance. The operator has to decide. Another start gives the same error.
var ErrAsk = errors.New("the state folder has changed since the last start")

// Database is the file of a state folder's database.
const Database = "rackhand.db"

const (
	caKey          = "appliance/ca"
	firstRecordKey = "appliance/anew"
	certsKey       = "cert/" // provision/pki writes there
)

// A FirstRecord is a database's first record.
type FirstRecord struct {
	Begun time.Time `json:"begun"`
	// Pending: the operator chose a new database (--new-database), and the hosts of the
	// inventory have not been marked yet as installed before.
	Pending bool `json:"pending"`
}

// May is what the operator has allowed.
type May struct {
	NewDatabase bool // a lost database is replaced by a new one
	NewCA       bool // a CA that is lost, or another appliance's, is accepted
}

// found is the present content of the state folder.
type found struct {
	database  bool   // it exists and isn't empty
	ca        string // fingerprint of the CA in the folder; "" when there is no CA
	before    string // fingerprint of the CA that the one in the folder follows; "" for none
	recorded  string // fingerprint of the CA that the database belongs to; "" when unknown
	issued    bool   // the database has certificates of hosts
	leftovers bool   // another file that only an appliance that ran creates
}

// judge decides whether the appliance can start with these files. The error says why not.
func judge(f found, may May, dir string) error {
	database, ca := filepath.Join(dir, Database), filepath.Join(dir, "ca")
	switch {
	case f.database && may.NewDatabase:
		return fmt.Errorf("%s is there, so --new-database is refused: omit the flag, or move the file away if you want to give it up", database)
	case !f.database && (f.ca != "" || f.leftovers) && !may.NewDatabase:
		what := "beside the CA in " + ca
		if f.ca == "" {
			what = "in a state folder in which an appliance has run, and the CA is gone too"
		}
		return fmt.Errorf("%s is missing or empty %s: without it rackhand does not know which hosts serve, and their next network boot could reinstall them: restore it from a backup, mount its file system if that is missing, or run `rackhand serve --new-database` once, which arms no host of the inventory automatically", database, what)
	case f.database && f.ca == "" && (f.recorded != "" || f.issued) && !may.NewCA:
		return fmt.Errorf("the CA in %s is missing beside %s: with another CA no agent of an installed host could connect again: restore ca.pem and ca.key from a backup, or run `rackhand serve --new-ca` once and reinstall the hosts", ca, database)
	case f.database && f.ca != "" && f.recorded != "" && f.ca != f.recorded && f.before != f.recorded && !may.NewCA:
		return fmt.Errorf("%s and the CA in %s belong to two appliances: restore both from one backup; to keep this CA, run `rackhand serve --new-ca` once and reinstall the hosts; to keep the CA's hosts, move the database away and run `rackhand serve --new-database` once", database, ca)
	}
	return nil
}

// Open opens the database of a state folder. leftovers names files that only an appliance
// that ran creates there. A problem that the operator has to decide about is an ErrAsk.
func Open(ctx context.Context, dir string, leftovers []string, may May, now time.Time) (store.Store, error) {
	f := found{ca: fingerprintIn(dir, "ca.pem"), before: fingerprintIn(dir, "old.pem")}
	for _, name := range leftovers {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			f.leftovers = true
		}
	}
	path := filepath.Join(dir, Database)
	s, err := store.OpenBolt(path, store.MustExist())
	switch {
	case errors.Is(err, store.ErrMissing):
		if err := judge(f, may, dir); err != nil {
			return nil, Ask(err)
		}
		return begin(ctx, path, may, now)
	case errors.Is(err, store.ErrDamaged):
		return nil, Ask(fmt.Errorf("opening the database: %w; `rackhand restore FILE --state-only --force` puts a backup in its place", err))
	case errors.Is(err, store.ErrNewer):
		return nil, Ask(fmt.Errorf("opening the database: %w", err))
	case err != nil:
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	f.database = true
	if err = f.read(ctx, s); err == nil {
		if why := judge(f, may, dir); why != nil {
			err = Ask(why)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// begin creates a database with its first record. A database without any record was never
// used, so a start that was interrupted begins again.
func begin(ctx context.Context, path string, may May, now time.Time) (store.Store, error) {
	s, err := store.OpenBolt(path)
	if err != nil {
		return nil, fmt.Errorf("making the database: %w", err)
	}
	mark := Settled
	if may.NewDatabase {
		mark = MarkReplaced
	}
	if err := mark(ctx, s, now); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// MarkReplaced records that a database replaces a lost one.
func MarkReplaced(ctx context.Context, s store.Store, now time.Time) error {
	return put(ctx, s, firstRecordKey, FirstRecord{Begun: now, Pending: true})
}

func (f *found) read(ctx context.Context, s store.Store) error {
	r, err := s.Get(ctx, caKey)
	switch {
	case err == nil:
		err = json.Unmarshal(r.Value, &f.recorded)
	case errors.Is(err, store.ErrNotFound):
		err = nil
	}
	if err != nil {
		return fmt.Errorf("reading which CA the database belongs to: %w", err)
	}
	certs, err := s.Range(ctx, certsKey, certsKey[:len(certsKey)-1]+"0", 1, false)
	f.issued = len(certs) > 0
	return err
}

// Bind records that a database belongs to a CA, whose certificate is given in PEM. It
// writes nothing when the record exists already: a start must not fail because the disk is
// full.
func Bind(ctx context.Context, s store.Store, ca []byte) error {
	sum := fingerprint(ca)
	if r, err := s.Get(ctx, caKey); err == nil && string(r.Value) == `"`+sum+`"` {
		return nil
	}
	return put(ctx, s, caKey, sum)
}

// Pending reports whether the hosts of the inventory have not been marked yet as installed
// before, since the database replaces a lost one.
func Pending(ctx context.Context, s store.Store) (bool, error) {
	r, err := s.Get(ctx, firstRecordKey)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil // an earlier version wrote none
	}
	var a FirstRecord
	if err == nil {
		err = json.Unmarshal(r.Value, &a)
	}
	return a.Pending, err
}

// Settled records that the hosts are marked.
func Settled(ctx context.Context, s store.Store, now time.Time) error {
	return put(ctx, s, firstRecordKey, FirstRecord{Begun: now})
}

// Watch checks regularly whether the database is still the file that was opened, until ctx
// ends. When it isn't, changes would be lost after a restart. Then it returns an error, a
// store.ErrLost, and the appliance must stop.
func Watch(ctx context.Context, s store.Store, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := store.Verify(s); err != nil {
			return err
		}
	}
}

// Rescue saves the content of a lost database, once it is no longer written, and reports
// where. lost is the error of Watch. The returned error, an ErrAsk, is the message for the
// operator.
func Rescue(s store.Store, lost error) error {
	saved, err := store.Rescue(s)
	if err != nil {
		return Ask(fmt.Errorf("%w; its content could not be saved (%w): restore it from a backup", lost, err))
	}
	return Ask(fmt.Errorf("%w; its content is saved in %s: move that to %s to go on from there", lost, saved, strings.TrimSuffix(saved, ".rescued")))
}

// Ask makes an error an ErrAsk, and keeps its text.
func Ask(err error) error { return asking{err} }

type asking struct{ error }

func (a asking) Unwrap() []error { return []error{a.error, ErrAsk} }

func put(ctx context.Context, s store.Store, key string, value any) error {
	b, err := json.Marshal(value)
	if err == nil {
		_, err = s.Txn(ctx, nil, store.Op{Key: key, Value: b})
	}
	if err != nil {
		return fmt.Errorf("recording %s: %w", key, err)
	}
	return nil
}

// fingerprintIn is the fingerprint of a CA's file in a state folder. An unreadable file has one,
// too: provision/pki reports it.
func fingerprintIn(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, "ca", name))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return fingerprint(text)
}

func fingerprint(text []byte) string {
	if block, _ := pem.Decode(text); block != nil {
		text = block.Bytes
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
