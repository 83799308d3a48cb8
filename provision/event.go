package provision

import (
	"slices"
	"time"
)

// An Event is one observed fact about a host. Events are appended to the journal
// and never changed; every status is computed from them. No event contains a secret
// (token, password, key).
type Event struct {
	// Seq is the event's place in the journal, from 1, given by the journal.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// Counted is Time as counted time (see Install). The journal fills in the one of the two
	// that is missing. It is zero in an event that an earlier version kept.
	Counted time.Time `json:"counted,omitzero"`
	// Host is the inventory's name; for an unclaimed box, its MAC.
	// Empty for an event of the appliance itself.
	Host string `json:"host,omitempty"`
	// Install is the id of the install it belongs to, if any.
	Install string `json:"install,omitempty"`
	// Source is the part that saw it: dhcp, tftp, http, bmc, installer, agent, check,
	// operator, inventory, appliance.
	Source string `json:"source"`
	// Kind is a short machine-readable name within the source: ack, fetch, token-refused.
	Kind string `json:"kind"`
	// Stage is set when the event moves an install there.
	Stage Stage `json:"stage,omitempty"`
	// Level is "", LevelWarn or LevelError. A person should look at the latter two.
	Level string `json:"level,omitempty"`
	// Message is one sentence for a person.
	Message string `json:"message"`
	// Fields are further facts: mac, address, arch, path, bytes, ...
	Fields map[string]string `json:"fields,omitempty"`
}

// ByBox reports whether the event says that the box itself did something, with its firmware,
// a boot loader, its installer or its system. What the appliance noticed, ordered or expected
// is not the box's, nor what another machine did in its name.
func (e Event) ByBox() bool {
	switch e.Source {
	case "dhcp":
		return e.Kind != "conflict" && e.Kind != "another-card" && e.Kind != "address-claimed"
	case "http":
		if e.Kind == "fetch-stopped" && e.Fields["why"] == "stalled" {
			return false // the appliance has waited in vain, for a minute
		}
		return !slices.Contains([]string{"another-mac", "unproved", "boot-unheard", "answer-late", "token-refused", "script-refused"}, e.Kind)
	case "tftp", "installer", "agent", "syslog":
		return e.Kind != KindLogTail
	}
	return false
}

// Levels of an event that needs attention.
const (
	LevelWarn  = "warn"
	LevelError = "error"
)

// KindBMCProgress is the kind of an event about what the box's firmware does, by the event log
// of its BMC.
const KindBMCProgress = "bmc-progress"

// KindLogTail is the kind of an event by which the appliance keeps the last lines of an
// installer's log beside the install: when an attempt fails, and when the installer has been
// silent. The message is the lines. It says nothing new of the box.
const KindLogTail = "log-tail"

// KindConsoleTail is the kind of an event of source bmc that keeps the last lines of a box's
// serial console, when the box is stuck or has failed. The message is the lines.
const KindConsoleTail = "console-tail"

// A Recorder takes events. It returns once the event is on disk; an error means
// that the event was not kept. It fills in Seq, a zero Time, and for an event
// that names a host whose install is under way, Install.
type Recorder interface {
	Record(e Event) error
}

// RecorderFunc makes a function a Recorder.
type RecorderFunc func(e Event) error

// Record calls f.
func (f RecorderFunc) Record(e Event) error { return f(e) }
