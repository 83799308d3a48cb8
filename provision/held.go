package provision

import (
	"strings"
	"time"
)

// KindHeld is the kind of the event that asks the operator whether the box that waits is
// the host (`answer: confirm`).
const KindHeld = "held"

// A Held is what is known of a box that waits until the operator has said that it is the
// host. Anybody who forges a MAC can say the rest as well: a person compares it with the
// box that stands in the rack.
type Held struct {
	Attempt int    `json:"attempt"` // that it waits for, the first one being 1
	MAC     string `json:"mac"`
	Address string `json:"address"`
	UUID    string `json:"uuid,omitempty"`   // of the machine, as its firmware told by DHCP
	Serial  string `json:"serial,omitempty"` // as its installer told
	// SwitchPort is where its cable ends, as a relay or switch said (option 82).
	SwitchPort string `json:"switch_port,omitempty"`
}

// String is "MAC 52:54:00:00:00:01, address 10.77.0.11, UUID ...".
func (h Held) String() string {
	text := "MAC " + h.MAC + ", address " + h.Address
	for _, more := range [][2]string{{"UUID", h.UUID}, {"serial number", h.Serial}, {"switch port", h.SwitchPort}} {
		if more[1] != "" {
			text += ", " + more[0] + " " + strings.ToValidUTF8(more[1], "?")
		}
	}
	return text
}

// ReleasedFor reports whether the operator has released an attempt of the install, the
// first one being 1. A release is good for one: a box that comes back is looked at again.
func (in Install) ReleasedFor(attempt int) bool { return in.Released >= attempt }

// Release is the install once the operator has released the attempt that waits, at a
// counted time. From then on its box has the time of a boot to come for it.
func (in Install) Release(now time.Time) Install {
	in.Released, in.Held = in.Held.Attempt, nil
	if until := now.Add(chainTime); until.After(in.Expires) {
		in.Expires = until
	}
	return in
}
