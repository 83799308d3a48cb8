package why

import (
	"strings"

	"rackhand/provision"
)

// logged is what the box's firmware did last in the present boot, by the event log of its
// BMC; nil: the BMC has said nothing.
func (s *story) logged() *provision.Event {
	if b := s.boot(); b != nil {
		return latest(b.events, "bmc", provision.KindBMCProgress)
	}
	return nil
}

// after are the events of the story after one of them.
func (s *story) after(e *provision.Event) []provision.Event {
	for i := range s.events {
		if s.events[i].Seq == e.Seq {
			return s.events[i+1:]
		}
	}
	return nil
}

// powerCycle is the command that restarts the box; "" when it has no BMC.
func (s *story) powerCycle() string {
	if s.host == nil || s.host.BMC == nil {
		return ""
	}
	return "rackhand power " + s.name() + " cycle"
}

// macs are the host's MACs in the inventory.
func (s *story) macs() []string {
	if s.host == nil {
		return nil
	}
	return s.host.MACTexts()
}

// failedByBox reports whether the box itself, its installer or its system, has said that the
// install failed, so that its word is the cause.
func (s *story) failedByBox() bool {
	e := s.failure()
	return e != nil && e.Source != "appliance" && e.Source != "http" && e.Source != "operator"
}

// failure is the event with which the install failed; nil if it didn't.
func (s *story) failure() *provision.Event {
	for i := len(s.events) - 1; i >= 0; i-- {
		if s.events[i].Stage == provision.Failed {
			return &s.events[i]
		}
	}
	return nil
}

// sentence makes a sentence of a message.
func sentence(message string) string {
	message = strings.TrimSpace(message)
	if message == "" {
		return message
	}
	if first := message[0]; first >= 'a' && first <= 'z' {
		// A name or a command at its beginning stays as it is.
		if word, _, _ := strings.Cut(message, " "); !strings.ContainsAny(word, ".:/[-0123456789") {
			message = strings.ToUpper(message[:1]) + message[1:]
		}
	}
	return endSentence(message)
}

// endSentence ends a text with a full stop.
func endSentence(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "…") {
		return text
	}
	return text + "."
}

// An error stays the diagnosis until the box gets further: a retry, a renewed lease, or a
// warning of the appliance that the box is late ends no error. The function
// standing finds the errors that stand.

// standing is the latest event that matches and that the box has not got past: it has reached
// no later stage since than the boot of that event had then; nil if no event stands.
func (s *story) standing(match func(provision.Event) bool) *provision.Event {
	for b := len(s.boots) - 1; b >= 0; b-- {
		events := s.boots[b].events
		for i := len(events) - 1; i >= 0; i-- {
			if !match(events[i]) {
				continue
			}
			if reachedIn(s.after(&events[i])).Rank() > reachedIn(events[:i+1]).Rank() {
				return nil // earlier ones are past, too
			}
			return &events[i]
		}
	}
	return nil
}

// reachedIn is the furthest stage that events show.
func reachedIn(events []provision.Event) (reached provision.Stage) {
	for _, e := range events {
		if stage := reachedBy(e); stage.Rank() > reached.Rank() {
			reached = stage
		}
	}
	return reached
}
