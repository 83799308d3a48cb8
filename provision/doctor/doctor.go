// Package doctor checks a link before and while the appliance serves it: which other
// DHCP servers answer and with what, whether link, ports and firewall let boxes in,
// and which mode fits. It never takes an address that it is offered, and changes
// nothing.
package doctor

import (
	"net/netip"

	"rackhand/inventory"
)

// A Level says how much a finding matters.
type Level string

// The levels. A Problem keeps boxes from booting, or would have us fight another
// server; a Warning may; a Note is worth knowing.
const (
	OK      Level = "ok"
	Note    Level = "note"
	Warning Level = "warning"
	Problem Level = "problem"
)

// A Finding is one thing that was looked at.
type Finding struct {
	Level Level `json:"level"`
	// Text is one sentence for a person.
	Text string `json:"text"`
	// Hint says what to do; "" when there is nothing.
	Hint string `json:"hint,omitempty"`
	// Unseen: it could not be looked at, and Text says why.
	Unseen bool `json:"unseen,omitempty"`
}

// A Report holds the findings at one link.
type Report struct {
	Link string `json:"link"`
	// Address is our address there; invalid if we have none.
	Address netip.Addr `json:"address,omitzero"`
	// Network is the inventory's name for it, Mode what the inventory says that we
	// do there; "" when the inventory has no such network.
	Network string             `json:"network,omitempty"`
	Mode    inventory.DHCPMode `json:"mode,omitempty"`
	// Answers are the servers that answered, also our own; empty when none did.
	Answers []Answerer `json:"answers"`
	// Fits is the mode that fits what answers; "" when that isn't known. Why says
	// why it fits.
	Fits inventory.DHCPMode `json:"fits,omitempty"`
	Why  string             `json:"why,omitempty"`

	Findings []Finding `json:"findings"`
}

// Worst is the worst level of some findings.
func Worst(findings []Finding) Level {
	rank := map[Level]int{OK: 0, Note: 1, Warning: 2, Problem: 3}
	worst := OK
	for _, f := range findings {
		if rank[f.Level] > rank[worst] {
			worst = f.Level
		}
	}
	return worst
}

// Unseen reports whether something could not be looked at.
func Unseen(findings []Finding) bool {
	for _, f := range findings {
		if f.Unseen {
			return true
		}
	}
	return false
}
