package provision

import "time"

// An Event is one observed fact about a host. Events are appended to the journal
// and never changed; every status is computed from them. No event contains a secret
// (token, password, key).
type Event struct {
	// Seq is the event's place in the journal, from 1, given by the journal.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// Counted is Time as counted time (see Install). The journal fills in the one of the two
	// that is missing.
	Counted time.Time `json:"-"`
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

// Levels of an event that needs attention.
const (
	LevelWarn  = "warn"
	LevelError = "error"
)

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
