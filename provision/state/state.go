// Package state opens the database of a state folder, and holds it together with what
// lies beside it: a database or a CA that is gone is noticed, and never replaced as if
// this were the first start.
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

// ErrAsk: something that lies in the state folder is missing, damaged or not its own. The
// operator has to decide; another start says the same.
var ErrAsk = errors.New("the state folder is not as it was left")

// Database is the file of a state folder's database.
const Database = "rackhand.db"

const (
	caKey    = "appliance/ca"
	anewKey  = "appliance/anew"
	certsKey = "cert/" // provision/pki writes there
)

// An Anew is a database's first record.
type Anew struct {
	Begun time.Time `json:"begun"`
	// Pending: the operator chose a new database (--new-database), and the hosts of
	// the inventory are yet to be marked as installed before.
	Pending bool `json:"pending"`
}

// May is what the operator has said.
type May struct {
	NewDatabase bool // a lost database is replaced by a new one
	NewCA       bool // a CA that is lost, or another's, is taken as it is
}

// found is what there is.
type found struct {
	database bool   // with something in it
	ca       string // fingerprint of the CA in the folder, "" when there is none
	before   string // fingerprint of the CA that the one in the folder follows, "" for none
	recorded string // fingerprint of the CA that the database belongs to, "" unknown
	issued   bool   // the database has certificates of hosts
	traces   bool   // something else that only an appliance that ran leaves
}

// judge says what keeps the appliance from going on with what there is.
func judge(f found, may May, dir string) error {
	database, ca := filepath.Join(dir, Database), filepath.Join(dir, "ca")
	switch {
	case f.database && may.NewDatabase:
		return fmt.Errorf("%s is there, so --new-database is refused: leave the flag out, or move the file away if you want to give it up", database)
	case !f.database && (f.ca != "" || f.traces) && !may.NewDatabase:
		what := "beside the CA in " + ca
		if f.ca == "" {
			what = "in a state folder in which an appliance has run, and the CA is gone too"
		}
		return fmt.Errorf("%s is missing or empty %s: without it rackhand does not know which hosts serve, and their next network boot could reinstall them: restore it from a backup, mount its file system if that is missing, or run `rackhand serve --new-database` once, which arms no host of the inventory automatically", database, what)
	case f.database && f.ca == "" && (f.recorded != "" || f.issued) && !may.NewCA:
		return fmt.Errorf("the CA in %s is missing beside %s: with another one no agent of an installed host would be heard again: restore ca.pem and ca.key from a backup, or run `rackhand serve --new-ca` once and reinstall the hosts", ca, database)
	case f.database && f.ca != "" && f.recorded != "" && f.ca != f.recorded && f.before != f.recorded && !may.NewCA:
		return fmt.Errorf("%s and the CA in %s belong to two appliances: restore both from one backup; to keep this CA, run `rackhand serve --new-ca` once and reinstall the hosts; to keep the CA's hosts, move the database away and run `rackhand serve --new-database` once", database, ca)
	}
	return nil
}

// Open opens the database of a state folder. traces names files that only an appliance
// that ran leaves there. What the operator has to decide is an ErrAsk.
func Open(ctx context.Context, dir string, traces []string, may May, now time.Time) (store.Store, error) {
	f := found{ca: fingerprintIn(dir, "ca.pem"), before: fingerprintIn(dir, "old.pem")}
	for _, name := range traces {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			f.traces = true
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
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNewer):
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

// begin makes a database. Its first record says what it is: one without any was never
// used, so that a start that was cut short begins again where it was.
func begin(ctx context.Context, path string, may May, now time.Time) (store.Store, error) {
	s, err := store.OpenBolt(path)
	if err != nil {
		return nil, fmt.Errorf("making the database: %w", err)
	}
	mark := Settled
	if may.NewDatabase {
		mark = MarkAnew
	}
	if err := mark(ctx, s, now); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// MarkAnew records that a database replaces a lost one.
func MarkAnew(ctx context.Context, s store.Store, now time.Time) error {
	return put(ctx, s, anewKey, Anew{Begun: now, Pending: true})
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

// Bind records that a database belongs to a CA, whose certificate is given in PEM. It writes
// nothing when that stands there already: a start must not fail because the disk is full.
func Bind(ctx context.Context, s store.Store, ca []byte) error {
	sum := fingerprint(ca)
	if r, err := s.Get(ctx, caKey); err == nil && string(r.Value) == `"`+sum+`"` {
		return nil
	}
	return put(ctx, s, caKey, sum)
}

// Pending reports whether the hosts of the inventory are yet to be marked as installed
// before, since the database replaces a lost one.
func Pending(ctx context.Context, s store.Store) (bool, error) {
	r, err := s.Get(ctx, anewKey)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil // of a version that wrote none
	}
	var a Anew
	if err == nil {
		err = json.Unmarshal(r.Value, &a)
	}
	return a.Pending, err
}

// Settled records that the hosts are marked.
func Settled(ctx context.Context, s store.Store, now time.Time) error {
	return put(ctx, s, anewKey, Anew{Begun: now})
}

// Watch looks every so often whether the database is still the file that was opened, until
// ctx ends. When it isn't, nothing that is acknowledged would be there after a restart: the
// error, a store.ErrLost, is for the appliance to end by.
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

// Rescue saves what a lost database held, once nothing writes to it any more, and says
// where. lost is what Watch returned; the error, an ErrAsk, is what there is to say.
func Rescue(s store.Store, lost error) error {
	saved, err := store.Rescue(s)
	if err != nil {
		return Ask(fmt.Errorf("%w; what it held could not be saved (%w): restore it from a backup", lost, err))
	}
	return Ask(fmt.Errorf("%w; what it held is saved in %s: move that to %s to go on from there", lost, saved, strings.TrimSuffix(saved, ".rescued")))
}

// Ask makes an error an ErrAsk, and leaves its text as it is.
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

// fingerprintIn is that of a CA's file in a state folder; of what can't be read as one too,
// which is then for provision/pki to refuse.
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
