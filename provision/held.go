package provision

import (
	"strings"
	"time"
)

// KindHeld is the kind of the event that asks the operator whether the box that waits is
// the host (`answer: confirm`).
const KindHeld = "held"

// A Held has the facts about a box that waits until the operator confirms that it is the
// host. A machine that forges a MAC can forge the rest as well, so a person compares the
// facts with the box in the rack.
type Held struct {
	Attempt int    `json:"attempt"` // the attempt that it waits for, from 1
	MAC     string `json:"mac"`
	Address string `json:"address"`
	UUID    string `json:"uuid,omitempty"`   // of the machine, as its firmware sent it by DHCP
	Serial  string `json:"serial,omitempty"` // as its installer sent it
	// SwitchPort is where its cable ends, as a relay or switch reports it (option 82).
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

// ReleasedFor reports whether the operator has released an attempt of the install, counted
// from 1. A release is for one attempt: a box that comes back needs another.
func (in Install) ReleasedFor(attempt int) bool { return in.Released >= attempt }

// Release returns the install after the operator has released the waiting attempt, at a
// counted time. From then on its box has the time of one boot to begin it.
func (in Install) Release(now time.Time) Install {
	in.Released, in.Held = in.Held.Attempt, nil
	if until := now.Add(chainTime); until.After(in.Expires) {
		in.Expires = until
	}
	return in
}
