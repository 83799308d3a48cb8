package provision

import "time"

// A TraceLine is a packet or request of a box, or several alike, in words.
type TraceLine struct {
	Seq  uint64    `json:"seq"`  // grows with each entry
	Time time.Time `json:"time"` // of the latest of Times
	// Since is when the first of several alike came.
	Since time.Time `json:"since,omitzero"`
	Times int64     `json:"times,omitempty"` // how many alike it stands for, when several
	MAC   string    `json:"mac"`
	// Kind is dhcp, probe, tftp, http, agent, syslog or bmc.
	Kind string `json:"kind"`
	// Sent is true for what the appliance sent, false for what came from the box.
	Sent bool   `json:"sent,omitempty"`
	Text string `json:"text"`
	// Fields are the facts in the text, as texts.
	Fields map[string]string `json:"fields,omitempty"`
	// Frame is the Ethernet frame of a DHCP packet. Its headers up to UDP are rebuilt from
	// the addresses, since the appliance receives DHCP over a UDP socket.
	Frame []byte `json:"frame,omitempty"`
}
