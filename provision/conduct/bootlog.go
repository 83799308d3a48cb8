package conduct

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/power"
)

const (
	// bootLogPause lies between two readings of a BMC's event log. It doubles with each
	// failure, up to bootLogPatience.
	bootLogPause    = 30 * time.Second
	bootLogPatience = 5 * time.Minute
	// quietFor is how long a box is silent before its BMC is asked what it does.
	quietFor = 30 * time.Second
	// bootLogEntries are read at a time: a boot logs fewer.
	bootLogEntries = 32
	mostBMCText    = 160 // bytes of what a BMC says, in an event
)

// bootLogs follows the event logs of the BMCs of installs under way. Firmware logs there what
// it does while the network hears nothing of the box (IPMI 2.0 table 42-3, sensor types 0Fh
// and 1Fh).
type bootLogs map[string]*bootLog // by install

type bootLog struct {
	next    time.Time // counted time of the next reading
	pause   time.Duration
	reading bool
	off     bool   // the BMC has no event log, or the host no BMC
	known   bool   // last is known: the entries before this boot were read
	last    string // the id of the last entry that was read; "" for an empty log
}

// wanted decides whose event log is read now: those of boxes that were powered on and are
// quiet. The first reading comes at once, to know which entries are old. The caller reads
// each and calls took.
func (all bootLogs) wanted(installs map[string]provision.Install, now time.Time) (out []provision.Install) {
	under := make(map[string]bool, len(installs))
	for _, in := range installs {
		if in.Stage.Ended() || in.PoweredOn.IsZero() || in.Stage.Rank() >= provision.Enrolled.Rank() {
			continue
		}
		under[in.ID] = true
		l := all[in.ID]
		if l == nil {
			l = &bootLog{pause: bootLogPause}
			all[in.ID] = l
		}
		heard := in.PoweredOn
		if in.Heard.After(heard) {
			heard = in.Heard
		}
		if l.off || l.reading || now.Before(l.next) || l.known && now.Sub(heard) < quietFor {
			continue
		}
		l.reading = true
		out = append(out, in)
	}
	for id := range all {
		if !under[id] {
			delete(all, id)
		}
	}
	return out
}

// took takes in what a reading gave, the oldest entry first, and returns the new entries
// about the boot, of each stage the latest one.
func (all bootLogs) took(id string, entries []bmc.LogEntry, err error, now time.Time) (fresh []bmc.LogEntry) {
	l := all[id]
	if l == nil {
		return nil // the install has ended meanwhile
	}
	l.reading = false
	switch {
	case errors.Is(err, bmc.ErrUnsupported), errors.Is(err, bmc.ErrNoBMC):
		l.off = true
		return nil
	case errors.Is(err, bmc.ErrBusy): // what is more urgent came in between
		l.next = now.Add(l.pause)
		return nil
	case err != nil:
		l.pause = min(2*l.pause, bootLogPatience)
		l.next = now.Add(l.pause)
		return nil
	}
	l.pause = bootLogPause
	l.next = now.Add(l.pause)
	known, last := l.known, l.last
	l.known = true
	if len(entries) > 0 {
		l.last = entries[len(entries)-1].ID
	}
	if !known {
		return nil
	}
	// Not found: the log was cleared, or has wrapped. All are new then.
	if i := slices.IndexFunc(entries, func(e bmc.LogEntry) bool { return e.ID == last }); i >= 0 {
		entries = entries[i+1:]
	}
	for i, e := range entries {
		later := slices.ContainsFunc(entries[i+1:], func(o bmc.LogEntry) bool { return o.Progress == e.Progress })
		if e.Progress != "" && !later {
			fresh = append(fresh, e)
		}
	}
	return fresh
}

// progressEvent says what an entry reports of the box's firmware.
func progressEvent(e bmc.LogEntry) provision.Event {
	text := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, e.Text)
	if len(text) > mostBMCText {
		text = strings.ToValidUTF8(text[:mostBMCText], "") + "…"
	}
	what := map[string]string{
		"firmware": "the box's firmware is at work", "pxe": "the box boots from the network", "disk": "the box boots from its disk",
		"boot-failed": "the box's firmware found nothing to boot, or can't go on",
	}[e.Progress]
	out := provision.Event{
		Source: "bmc", Kind: provision.KindBMCProgress, Message: fmt.Sprintf("%s, by its BMC's event log: %s", what, text),
		Fields: map[string]string{"progress": e.Progress, "text": text},
	}
	if e.Progress == "boot-failed" {
		out.Level = provision.LevelWarn
	}
	return out
}

// followBootLogs reads the event logs that are wanted now, in the background.
func (c *Conductor) followBootLogs(ctx context.Context, installs map[string]provision.Install) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, in := range c.bootLogs.wanted(installs, c.Journal.Counted()) {
		c.wg.Go(func() { c.readBootLog(ctx, in) })
	}
}

func (c *Conductor) readBootLog(ctx context.Context, in provision.Install) {
	var entries []bmc.LogEntry
	t, err := c.Target(c.Snapshot().Hosts[in.Host])
	if err == nil {
		err = c.Power.With(power.Background(ctx), "read the event log", t, bmc.User, func(ctx context.Context, s bmc.Session) (err error) {
			entries, err = s.Log(ctx, bootLogEntries)
			return err
		})
	}
	c.mu.Lock()
	fresh := c.bootLogs.took(in.ID, entries, err, c.Journal.Counted())
	c.mu.Unlock()
	for _, e := range fresh {
		if err := c.tell(in, progressEvent(e), nil); err != nil && ctx.Err() == nil {
			c.Log.Error("recording what a BMC logged", "install", in.ID, "error", err)
		}
	}
}
