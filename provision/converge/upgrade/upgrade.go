package upgrade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"rackhand/provision/catalog"
)

// ErrRolledBack: this program was started too often without a completed run. The one before
// it is at Path again, and the caller has to start it.
var ErrRolledBack = errors.New("the agent's program was rolled back")

// TrialTime is how long a new program has to fetch its catalog.
const TrialTime = 5 * time.Minute

// An Upgrader replaces the agent's program. One goroutine uses it.
type Upgrader struct {
	Program Program
	// Record is the file of the Record.
	Record string
	// Trial tries a program.
	Trial Trial
	// Control does with the running program what a trial does with the new one. Its error
	// says that the running one fails too, so that the new one isn't to blame.
	Control func(ctx context.Context) error
	Log     *slog.Logger

	own     string         // SHA-256 of the running program
	isNew   bool           // the record counts its starts
	staged  *catalog.Offer // what waits at Next
	warning string
}

// Warning is a message about upgrades for the operator, or "".
func (u *Upgrader) Warning() string { return u.warning }

// Staged reports whether a program waits for its trial.
func (u *Upgrader) Staged() bool { return u.staged != nil }

// Open is called once when the daemon starts, before the program at Path may be replaced.
// It removes what a kill left behind, and counts the starts of a new program.
func (u *Upgrader) Open() error {
	own, err := hashFile(u.Program.Path)
	if err != nil {
		return fmt.Errorf("reading the agent's own program: %w", err)
	}
	u.own = own
	if err := os.Remove(u.Program.partial()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	record, err := readRecord(u.Record)
	if err != nil {
		return err
	}
	if u.isNew = record.New != nil && record.New.SHA256 == own; u.isNew {
		record = record.started(own)
		// Before the rename: a kill in between is made up for at the next start.
		if err := record.save(u.Record); err != nil {
			return err
		}
	}
	if !record.rollsBack(own) {
		return nil
	}
	if err := u.Program.rollBack(); err != nil {
		return fmt.Errorf("rolling back to the program before: %w", err)
	}
	u.Log.Error("a new agent is rolled back", "version", record.Refused.Version, "why", record.Refused.Why)
	return ErrRolledBack
}

// Completed is called after each run that came to its end: a new program is proved by one.
func (u *Upgrader) Completed() error {
	if !u.isNew {
		return nil
	}
	record, err := readRecord(u.Record)
	if err != nil {
		return err
	}
	record.New = nil
	if err := record.save(u.Record); err != nil {
		return err
	}
	u.isNew = false
	return nil
}

// Fetch fetches the program that is offered, if it is to be taken. get asks the appliance
// for it.
func (u *Upgrader) Fetch(o catalog.Offer, get func() (io.ReadCloser, error)) error {
	u.staged = nil
	record, err := readRecord(u.Record)
	if err != nil {
		return u.warn(err)
	}
	if u.own == "" || !record.wants(o, u.own) {
		u.warning = ""
		if r := record.Refused; r != nil && r.SHA256 == o.SHA256 {
			u.warning = refusal(r)
			return u.Program.drop() // a kill may have left it
		}
		return nil
	}
	if !u.Program.waits(o) {
		body, err := get()
		if err == nil {
			err = errors.Join(u.Program.fetch(o, body), body.Close())
		}
		if err != nil {
			return u.warn(fmt.Errorf("fetching version %s: %w", o.Version, err))
		}
		u.Log.Info("a new agent is fetched, and will be tried", "version", o.Version, "bytes", o.Size)
	}
	u.staged, u.warning = &o, ""
	return nil
}

func (u *Upgrader) warn(err error) error {
	u.warning = "the agent can't be upgraded: " + err.Error()
	return err
}

func refusal(r *Refused) string {
	return fmt.Sprintf("version %s of the agent is refused: %s", r.Version, r.Why)
}

// Try tries the program that waits. replaced says that it took its place at Path: the
// caller ends, and the program at Path goes on.
func (u *Upgrader) Try(ctx context.Context) (replaced bool, err error) {
	o := *u.staged
	u.staged = nil
	record, err := readRecord(u.Record)
	if err != nil {
		return false, u.warn(err)
	}
	record, ok := record.begin(o)
	// On disk before it begins: a program that takes the host down is not tried for ever.
	if err := record.save(u.Record); err != nil {
		return false, u.warn(err)
	}
	if !ok {
		return false, u.refuse(record)
	}
	trial, cancel := context.WithTimeoutCause(ctx, TrialTime, fmt.Errorf("it has not fetched its catalog within %s", TrialTime))
	err = u.Trial(trial, u.Program.Next())
	cancel()
	switch {
	case ctx.Err() != nil:
		return false, record.undecided().save(u.Record)
	case err != nil:
		if control := u.Control(ctx); control != nil || ctx.Err() != nil {
			u.Log.Warn("the trial of a new agent is undecided, because the running agent fails too; it is repeated", "version", o.Version, "trial", err, "running", control)
			return false, record.undecided().save(u.Record)
		}
		record = record.refuse(o, err.Error())
		return false, errors.Join(record.save(u.Record), u.refuse(record))
	}
	// Before the rename: the new program finds that its starts count.
	if err := (Record{New: &New{SHA256: o.SHA256, Version: o.Version}}).save(u.Record); err != nil {
		return false, u.warn(err)
	}
	if err := u.Program.commit(); err != nil {
		return false, u.warn(errors.Join(fmt.Errorf("putting version %s in its place: %w", o.Version, err), record.undecided().save(u.Record)))
	}
	u.Log.Info("the agent is replaced", "version", o.Version, "previous", u.Program.Previous())
	return true, nil
}

// refuse drops a program whose refusal is on disk.
func (u *Upgrader) refuse(r Record) error {
	u.warning = refusal(r.Refused)
	u.Log.Error("a new agent is refused; the running one goes on", "version", r.Refused.Version, "why", r.Refused.Why)
	return u.Program.drop()
}
