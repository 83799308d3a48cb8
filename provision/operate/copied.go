package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"rackhand/config/file"
	"rackhand/inventory"
	"rackhand/provision"
	"rackhand/provision/diagnosis"
	"rackhand/provision/journal"
	"rackhand/provision/state"
	"rackhand/provision/store"
)

// A Copied is the copy of a state folder, as it was when the appliance wrote to it last.
type Copied struct {
	store store.Store
	dir   string // with the copy of the database
	o     Operator
}

// OpenCopied opens a copy of a state folder. It writes nothing there: the database is copied
// once more, to a folder for temporary files, which Close removes. A folder that a running
// appliance uses is an error.
func OpenCopied(ctx context.Context, folder string, snap *inventory.Snapshot, log *slog.Logger) (_ *Copied, err error) {
	c := &Copied{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("read the state folder %s: %w", folder, err), c.Close())
		}
	}()
	if c.dir, err = os.MkdirTemp("", "rackhand-why-"); err != nil {
		return nil, err
	}
	path := filepath.Join(c.dir, state.Database)
	if err := copyDatabase(ctx, path, filepath.Join(folder, state.Database)); err != nil {
		return nil, err
	}
	if c.store, err = store.OpenBolt(path, store.MustExist()); err != nil {
		return nil, err
	}
	var now time.Time // the time of day of the latest write
	clock := func() time.Time { return now }
	j, err := journal.Open(ctx, c.store, clock, func() time.Duration { return 0 }, log)
	if err != nil {
		return nil, err
	}
	now = j.Counted()
	last, err := j.Events(ctx, "", 1)
	if err != nil {
		return nil, err
	}
	if len(last) > 0 {
		now = now.Add(last[0].Time.Sub(last[0].Counted))
	}
	c.o = Operator{
		Journal: j, Snapshot: func() *inventory.Snapshot { return snap }, Diagnosis: diagnosis.New(j), Now: clock,
		Problems: func() []string { return nil },
		Database: func() provision.DatabaseStats { return provision.DatabaseStats{} },
		Runs:     func() map[string]provision.LastRun { return nil },
	}
	return c, nil
}

// Why is Operator.Why as of Now.
func (c *Copied) Why(ctx context.Context, host string) (provision.WhyReply, error) {
	return c.o.Why(ctx, host)
}

// Now is the time of day at which the appliance wrote to the folder last.
func (c *Copied) Now() time.Time { return c.o.Now() }

// Close removes what OpenCopied has copied.
func (c *Copied) Close() error {
	var err error
	if c.store != nil {
		err = c.store.Close()
	}
	if c.dir != "" {
		err = errors.Join(err, os.RemoveAll(c.dir))
	}
	return err
}

// copyDatabase copies a database that no appliance has open. The folder may be another user's:
// only a regular file is read.
func copyDatabase(ctx context.Context, to, from string) error {
	in, err := file.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if used, err := store.InUse(in); err != nil {
		return err
	} else if used {
		return errors.New("a running appliance uses it: ask that one without --state, or copy the folder and name the copy")
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, until{ctx, in})
	return errors.Join(err, out.Close())
}

// until reads until a context ends: a database may be large.
type until struct {
	ctx context.Context
	r   io.Reader
}

func (u until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(b)
}
