package why

import (
	"slices"
	"time"

	"rackhand/provision"
)

// bootBegan is when a boot began: with the BMC's power-on, otherwise with the first packet
// of the box, or of a card that is probably in it; zero if there was none.
func (b *boot) bootBegan() time.Time {
	if b.power != nil {
		return b.began
	}
	for _, e := range b.events {
		if e.ByBox() || e.Kind == "another-card" {
			return e.Counted
		}
	}
	return time.Time{}
}

// inFirmware reports whether the box is still in its firmware or boot program, and since
// when: since it was powered on, or since the first of the boots after that. Firmware that
// goes through its boot order again and again stays at one place.
func (s *story) inFirmware() (since time.Time, ok bool) {
	for _, b := range slices.Backward(s.boots) {
		if b.reached.Rank() >= provision.Script.Rank() {
			break
		}
		if at := b.bootBegan(); !at.IsZero() {
			since, ok = at, true
		}
		if b.power != nil {
			break
		}
	}
	return since, ok
}

// hadTime reports whether the box was given the time that it may need where it is: firmware
// five minutes or more. A failed install gets no more time.
func (s *story) hadTime() bool {
	if s.in.Stage == provision.Failed {
		return true
	}
	if since, ok := s.inFirmware(); ok {
		return s.now.Sub(s.waitedFrom(since)) > s.times.of(provision.Powered)
	}
	return s.overdue()
}

// stopsAt returns the events of a boot that fit, oldest first, since the box last got further:
// since it asked for an address that it was offered, or for more. It is empty if it did so
// after the last of them.
func (b *boot) stopsAt(fits func(provision.Event) bool) (at []provision.Event) {
	for _, e := range b.events {
		switch {
		case fits(e):
			at = append(at, e)
		case is(e, "dhcp", "ack", "observed", "binl", "nak", "chosen-other"), e.Source != "dhcp" && e.ByBox():
			at = nil
		}
	}
	return at
}

// asks is what the box should do next, and by when; nil once the install has failed.
func (s *story) asks(text string) *provision.Expected {
	if s.in.Stage == provision.Failed {
		return nil
	}
	if since, ok := s.inFirmware(); ok {
		return &provision.Expected{Text: text, By: since.Add(s.times.of(provision.Powered))}
	}
	return &provision.Expected{Text: text, By: s.sincePlace().Add(s.times.of(s.place))}
}

// portText names the box's switch port as a relay or switch reported it in an event:
// "its switch port" if it isn't known.
func portText(e provision.Event) string {
	r := provision.Relay{Circuit: e.Fields["circuit"], Remote: e.Fields["remote"]}
	if place := r.Place(); place != "" {
		return "its switch port (" + place + ")"
	}
	return "its switch port"
}

// firstAndLast are the first and the last of some events.
func firstAndLast(events []provision.Event) []provision.Event {
	if len(events) < 2 {
		return events
	}
	return []provision.Event{events[0], events[len(events)-1]}
}
