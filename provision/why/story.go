package why

import (
	"slices"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// A story is a case in the order in which a person would tell it: the boots of the box, and
// what it did in each. Rules read it and change nothing.
type story struct {
	host   *inventory.Host // nil: not in the inventory any more
	in     provision.Install
	events []provision.Event // all of this install, oldest first
	links  []provision.Event
	times  Times
	now    time.Time

	// boots are the box's boots from the network or by the BMC's power, oldest first. The
	// last one is the present one.
	boots []boot
	// last is the last thing that the box itself did; nil: nothing was heard of it.
	last *provision.Event
	// place is the stage that the box is in by what it did last.
	place provision.Stage
}

// A boot is one boot of the box: from power-on, or from its firmware's first request, to the
// next one.
type boot struct {
	began  time.Time
	power  *provision.Event // the BMC's power-on or power cycle that began it; nil: none was seen
	events []provision.Event
	// reached is the furthest stage of this boot, "" if the box did nothing yet.
	reached provision.Stage
}

// sameBoot is the time within which firmware's requests belong to one boot, if nothing else
// came in between.
const sameBoot = 2 * time.Minute

// tell makes a story of a case.
func tell(c Case, now time.Time) *story {
	s := &story{host: c.Host, in: c.Install, links: c.Links, times: c.Times, now: now, place: c.Install.Stage}
	for _, e := range c.Events {
		if e.Counted.IsZero() {
			e.Counted = e.Time.Add(-c.Install.Offset) // recorded by a version that did not keep it
		}
		if e.Install != "" && e.Install != s.in.ID || e.Counted.Before(s.in.Requested) {
			continue
		}
		s.events = append(s.events, e)
	}
	for i, e := range s.events {
		if e.ByBox() {
			s.last = &s.events[i]
		}
		s.add(e, i)
	}
	s.place = s.placed()
	s.knowFirmware()
	return s
}

// add adds an event to the present boot, or begins another one with it.
func (s *story) add(e provision.Event, i int) {
	now := s.boot()
	power := is(e, "bmc", "powered-on", "power-cycle", "power-on", "power-reset") || is(e, "bmc", "revive") && e.Fields["power"] == "on"
	if power || now == nil || now.restarts(e) {
		b := boot{began: e.Counted}
		if power {
			b.power, b.events = &s.events[i], now.early()
		}
		if len(b.events) > 0 {
			b.began = b.events[0].Counted
			now.events = now.events[:len(now.events)-len(b.events)]
			for _, e := range b.events {
				if stage := reachedBy(e); stage.Rank() > b.reached.Rank() {
					b.reached = stage
				}
			}
		}
		s.boots = append(s.boots, b)
		now = s.boot()
	}
	now.events = append(now.events, e)
	if stage := reachedBy(e); stage.Rank() > now.reached.Rank() {
		now.reached = stage
	}
}

// early are the events of the boot that follow a command to the BMC, from firmware's first
// request on. They belong to the boot that the command began: a BMC may report its result up
// to a minute later.
func (b *boot) early() []provision.Event {
	if b == nil {
		return nil
	}
	sent := false
	for i, e := range b.events {
		client := e.Fields["client"]
		switch {
		case is(e, "bmc", "command"):
			sent = true
		case sent && e.Source == "dhcp" && e.ByBox() && (client == "PXE" || client == "HTTP boot"):
			return slices.Clone(b.events[i:])
		}
	}
	return nil
}

// restarts reports whether an event begins another boot: firmware asks again after the box
// had got further, or after a while.
func (b *boot) restarts(e provision.Event) bool {
	if e.Source != "dhcp" || !e.ByBox() {
		return false
	}
	idle := !b.began.IsZero() && e.Counted.Sub(b.lastHeard()) > sameBoot
	switch e.Fields["client"] {
	case "PXE", "HTTP boot":
		return b.reached.Rank() >= provision.Bootfile.Rank() || idle && b.reached != ""
	case "iPXE":
		return b.reached.Rank() >= provision.Script.Rank() || idle && b.reached != "" && b.reached.Rank() < provision.Bootfile.Rank()
	}
	return false
}

// lastHeard is when the box was heard last in this boot, or when the boot began.
func (b *boot) lastHeard() time.Time {
	for _, e := range slices.Backward(b.events) {
		if e.ByBox() {
			return e.Counted
		}
	}
	return b.began
}

// boot is the present boot; nil: the box has not booted yet.
func (s *story) boot() *boot {
	if len(s.boots) == 0 {
		return nil
	}
	return &s.boots[len(s.boots)-1]
}

// placed is the stage that the box is in. A box that has booted again before its system was
// installed is where that boot has come to.
func (s *story) placed() provision.Stage {
	b := s.boot()
	at, reached := s.in.Reached[s.in.Stage]
	if b == nil || b.reached == "" || !reached || s.in.Stage.Ended() {
		return s.in.Stage
	}
	if s.in.Stage.Rank() >= provision.Installed.Rank() || b.reached.Rank() >= s.in.Stage.Rank() || !b.began.After(at) {
		return s.in.Stage
	}
	return b.reached
}

// reachedBy is the stage that an event shows a boot to have reached, whatever the install's
// stage was; "" for one that shows none.
func reachedBy(e provision.Event) provision.Stage {
	if !e.ByBox() {
		return ""
	}
	switch {
	case e.Source == "dhcp" && (e.Kind == "ack" || e.Kind == "observed" || e.Kind == "binl") && e.Fields["client"] != "other":
		return provision.Addressed
	case e.Kind == provision.KindAttempt || e.Kind == provision.KindScript:
		return provision.Script
	case e.Stage.Rank() >= 0:
		return e.Stage
	}
	return ""
}

// is reports whether an event has a source and one of some kinds.
func is(e provision.Event, source string, kinds ...string) bool {
	return e.Source == source && slices.Contains(kinds, e.Kind)
}

// find returns the events of a list with a source and one of some kinds.
func find(events []provision.Event, source string, kinds ...string) []provision.Event {
	var out []provision.Event
	for _, e := range events {
		if is(e, source, kinds...) {
			out = append(out, e)
		}
	}
	return out
}

// latest is the last event with a source and one of some kinds; nil if none has them.
func latest(events []provision.Event, source string, kinds ...string) *provision.Event {
	for i := len(events) - 1; i >= 0; i-- {
		if is(events[i], source, kinds...) {
			return &events[i]
		}
	}
	return nil
}

// silentFor is how long the box itself has been silent: since it was heard last, or since it
// was powered on.
func (s *story) silentFor() time.Duration { return s.now.Sub(s.stopped()) }

// stopped is when the box was heard last; before that, when it was powered on, or when the
// install was requested. For an install that failed it is when it did.
func (s *story) stopped() time.Time {
	if s.in.Stage == provision.Failed && !s.in.Ended.IsZero() {
		return s.in.Ended
	}
	at := s.in.Requested
	if !s.in.PoweredOn.IsZero() {
		at = s.in.PoweredOn
	}
	if b := s.boot(); b != nil && b.power != nil && b.began.After(at) {
		at = b.began
	}
	if s.last != nil && s.last.Counted.After(at) {
		at = s.last.Counted
	}
	return at
}

// name is the host's name.
func (s *story) name() string { return s.in.Host }
