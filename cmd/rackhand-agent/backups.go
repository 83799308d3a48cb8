package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"rackhand/provision/converge"
	"rackhand/provision/converge/backup"
	"rackhand/provision/converge/command"
)

// backups lists the copies of a file, of all below a directory, or of all files.
func backups(agent *converge.Agent, o options, out io.Writer) error {
	entries, err := agent.Backups()
	if err != nil {
		return err
	}
	name := ""
	if o.file != "" {
		if name, err = filepath.Abs(o.file); err != nil {
			return err
		}
	}
	entries = backup.Under(entries, name)
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(entries)
	}
	if len(entries) == 0 {
		fmt.Fprintln(out, "there are no backups")
		return nil
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tREPLACED\tBYTES\tMODE\tOWNER\tFILE\tBY")
	for _, e := range entries {
		fmt.Fprintf(t, "%d\t%s\t%d\t%04o\t%d:%d\t%s\t%s\n", e.ID, e.Time.Local().Format(time.DateTime), e.Size, e.Mode, e.UID, e.GID,
			command.Printable(e.Path), command.Printable(e.Resource))
	}
	return t.Flush()
}

// restore puts a copy of a file back.
func restore(ctx context.Context, agent *converge.Agent, o options, out io.Writer) (code int, err error) {
	if o.file == "" || o.id != 0 && o.at != "" || o.id < 0 {
		return exitUsage, fmt.Errorf("restore needs a file, and --id N or --at TIME at most: see rackhand-agent backups")
	}
	var at time.Time
	if o.at != "" {
		if at, err = parsePast(o.at, time.Now()); err != nil {
			return exitUsage, err
		}
	}
	name, err := filepath.Abs(o.file)
	if err != nil {
		return exitUsage, err
	}
	r, err := agent.Restore(ctx, name, o.id, at)
	if err != nil {
		return exitFailed, err
	}
	if r.Changed {
		fmt.Fprintf(out, "%s is as it was before %s (backup %d)\n", r.Path, r.Time.Local().Format(time.DateTime), r.ID)
	} else {
		fmt.Fprintf(out, "%s is like backup %d already\n", r.Path, r.ID)
	}
	switch {
	case r.Declared == "":
	case agent.Disabled():
		fmt.Fprintf(out, "it stays so while the agent is disabled; after that, %s of the catalog replaces it\n", r.Declared)
	default:
		fmt.Fprintf(out, "the next run brings %s of the catalog about again; to keep this: rackhand-agent disable --reason TEXT --until TIME\n", r.Declared)
	}
	return exitOK, nil
}

// parsePast reads a time that has passed: a while ago (90m, 2h), the last one of a time of day
// (18:00), or with a date, in the host's time zone.
func parsePast(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location())
			if at.After(now) {
				at = time.Date(now.Year(), now.Month(), now.Day()-1, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
			}
			return at, nil
		}
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is not a time: write 90m, 2h, 18:00 or 2026-12-01 18:00", text)
}
