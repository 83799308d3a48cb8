package conduct

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/journal"
)

// Logs are the logs of installers.
type Logs interface {
	// Size is how many bytes an install's log has.
	Size(install string) int64
	// Tail returns the last lines of an install's log, without secrets; none when it has no
	// log.
	Tail(host, install string) ([]string, error)
}

// settled is how long after a failure its last lines may still come: they have a connection
// of their own.
const settled = time.Second

// silentFor is how long an installer is silent before the end of its log is kept.
const silentFor = 3 * time.Minute

// tails follows the logs of the installs under way, and keeps their last lines in the
// journal when an attempt fails, and when the installer falls silent.
type tails map[string]*tail // by install

type tail struct {
	attempt int
	size    int64
	heard   time.Time // counted time at which the log grew, or a report came
	silent  bool      // this silence was recorded
	failed  time.Time // counted time at which this attempt's failure was seen
	kept    bool      // and it was recorded
}

// A wantedTail is an install whose log's end is to be kept.
type wantedTail struct {
	in     provision.Install
	silent time.Duration // 0 for an attempt that failed
}

// wanted decides whose log's end is to be kept now.
func (all tails) wanted(installs map[string]provision.Install, size func(id string) int64, now time.Time) (out []wantedTail) {
	seen := make(map[string]bool, len(installs))
	for _, in := range installs {
		t := all[in.ID]
		switch {
		case t == nil && in.Stage.Ended():
			continue // it ended before this appliance started
		case t == nil:
			t = &tail{attempt: in.Attempts, heard: now}
			all[in.ID] = t
		case t.attempt != in.Attempts:
			*t = tail{attempt: in.Attempts, size: t.size, heard: now}
		}
		seen[in.ID] = true
		if n := size(in.ID); n != t.size || in.InstallerHeard.After(t.heard) {
			t.size, t.heard, t.silent = n, now, false
		}
		failed := in.Stage == provision.Failed || in.GaveUp
		if failed && t.failed.IsZero() {
			t.failed = now
		}
		switch {
		case t.size == 0 || t.kept:
		case failed && now.Sub(t.failed) >= settled:
			t.kept = true
			out = append(out, wantedTail{in: in})
		case !t.silent && (in.Stage == provision.Installer || in.Stage == provision.Packages) && now.Sub(t.heard) >= silentFor:
			t.silent = true
			out = append(out, wantedTail{in, now.Sub(t.heard)})
		}
		if in.Stage.Ended() && (in.Stage != provision.Failed || now.Sub(t.failed) >= settled) {
			delete(all, in.ID)
		}
	}
	for id := range all {
		if !seen[id] {
			delete(all, id)
		}
	}
	return out
}

// keepTails keeps the ends of the logs that are wanted at now, in counted time.
func (c *Conductor) keepTails(all tails, now time.Time) {
	for _, w := range all.wanted(c.Journal.Installs(), c.Logs.Size, now) {
		lines, err := c.Logs.Tail(w.in.Host, w.in.ID)
		if err == nil && len(lines) > 0 {
			e := provision.Event{
				Host: w.in.Host, Install: w.in.ID, Source: "syslog", Kind: provision.KindLogTail,
				Message: strings.Join(lines, "\n"), Fields: map[string]string{"lines": strconv.Itoa(len(lines))},
			}
			if w.silent > 0 {
				e.Fields["silent"] = strconv.Itoa(int(w.silent.Seconds()))
			}
			err = c.Journal.Record(e)
		}
		if err != nil && !errors.Is(err, journal.ErrClosed) {
			c.Log.Error("keeping the end of an installer's log", "install", w.in.ID, "error", err)
		}
	}
}
