package why

import (
	"strings"
	"time"

	"rackhand/provision"
)

// refusedTime is how long after a refusal a box may still get on: it asks again, or another
// of its interfaces does.
const refusedTime = time.Minute

// refused finds that the appliance refused what the box asked for. The cause is the refusal's
// own reason. A refusal that the box got past, or in the middle of an install that goes on,
// was of no consequence, or another machine's.
func refused(s *story) *finding {
	if s.failedByBox() {
		return nil
	}
	e := s.standing(isRefusal)
	if about := s.refusedElsewhere(); about != nil && (e == nil || about.Counted.After(e.Counted)) {
		e = about
	}
	if e == nil {
		return nil
	}
	// While the installer runs, another machine at its address is refused, and the installer
	// may go on. An agent that is refused can't.
	running := s.place.Rank() >= provision.Installer.Rank() && e.Source != "agent" && !strings.HasPrefix(e.Kind, "enrol") && !strings.HasPrefix(e.Kind, "agent")
	switch {
	case s.in.Stage.Ended():
	case running && !s.overdue():
		return nil
	case s.now.Sub(e.Counted) < refusedTime:
		return nil
	}
	return &finding{
		since: e.Counted, causes: cause(sentence(e.Message)), evidence: []provision.Event{*e},
		remedy: s.refusalRemedy(e),
	}
}

// isRefusal reports whether an event is a refusal of what an installer, a boot program or an
// agent asked for.
func isRefusal(e provision.Event) bool {
	return is(e, "http", "token-refused", "mac-refused", "script-refused", "boot-unheard", "another-mac", "answer-late", "enrol-refused", "agent-refused")
}

// refusedElsewhere is the latest refusal since the box was heard last of a request that named
// this host and came from another address than the host's.
func (s *story) refusedElsewhere() *provision.Event {
	for i := len(s.links) - 1; i >= 0; i-- {
		e := &s.links[i]
		if isRefusal(*e) && e.Fields["about"] == s.name() && s.last != nil && e.Counted.After(s.last.Counted) {
			return e
		}
	}
	return nil
}

// refusalRemedy is what to do about a refusal.
func (s *story) refusalRemedy(e *provision.Event) provision.Remedy {
	set := "rackhand set hosts." + s.name() + ".mac "
	switch e.Kind {
	case "mac-refused":
		r := provision.Remedy{Text: "If it is this host's box, set its MACs. Otherwise look whose box that is."}
		if macs := strings.Fields(e.Fields["macs"]); len(macs) > 0 && len(macs) <= 8 {
			r.Command = set + strings.Join(macs, " ")
		}
		return r
	case "another-mac":
		r := provision.Remedy{Text: "Find that machine by its MAC at the switch, and disconnect it. If it is a card of this host, add it."}
		if mac := e.Fields["mac"]; mac != "" {
			r.Command = set + strings.Join(append(s.macs(), mac), " ")
		}
		return r
	case "script-refused":
		if e.Host != "" { // on a network beside another DHCP server
			return provision.Remedy{Text: "Reserve that address on the other DHCP server, or take the one that it gives.", Command: "rackhand set hosts." + s.name() + ".address " + e.Fields["address"]}
		}
		return provision.Remedy{Text: "Look for a second DHCP server: the box has another address than the appliance gave it.", Command: "rackhand doctor"}
	case "enrol-refused", "agent-refused":
		if e.Host == "" {
			return provision.Remedy{Text: "Give the host the address that it has in the inventory, or correct `address` there."}
		}
		return provision.Remedy{Text: "Make a new token, and run the command that this prints on the host.", Command: "rackhand enrol " + s.name()}
	}
	if s.in.Stage.Ended() {
		return provision.Remedy{Text: "Arm it again: the box then gets a script and a token of its own.", Command: s.in.Again()}
	}
	return provision.Remedy{Text: "Restart the box: at its next boot it gets a script and a token of its own.", Command: s.powerCycle()}
}
