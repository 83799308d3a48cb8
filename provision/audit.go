package provision

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrAuditUnderWay: two audits at once would hinder each other at the BMCs.
var ErrAuditUnderWay = errors.New("an audit of BMCs is under way: wait until it ends")

// A Severity says how much a finding of an audit matters.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical" // a stranger gets in, or rackhand doesn't
	Warning  Severity = "warning"  // wrong, and it will hurt one day
	Note     Severity = "note"     // worth knowing; the exit code stays 0
)

// Severities returns all of them, worst first.
func Severities() []Severity { return []Severity{Critical, Warning, Note} }

// Counted is a number of findings of a severity: "3 critical", "1 warning".
func (s Severity) Counted(n int) string {
	if s == Critical || n == 1 {
		return fmt.Sprintf("%d %s", n, s)
	}
	return fmt.Sprintf("%d %ss", n, s)
}

// An AuditRequest asks for an audit of BMCs.
type AuditRequest struct {
	// Hosts are the hosts whose BMCs are looked at; empty: all of the inventory, and
	// addresses outside it that answer as BMCs.
	Hosts []string `json:"hosts,omitempty"`
	// Factory: well-known factory accounts are tried too.
	Factory bool `json:"factory,omitempty"`
}

// An Audit is what an audit of BMCs found.
type Audit struct {
	At       time.Time `json:"at"`                // when it began
	Hosts    []string  `json:"hosts,omitempty"`   // that were asked for; empty: all
	Factory  bool      `json:"factory,omitempty"` // factory accounts were tried
	BMCs     int       `json:"bmcs"`              // that were asked
	Findings []Finding `json:"findings"`          // worst first
}

// A Finding is one fault, with all BMCs that have it.
type Finding struct {
	Severity Severity `json:"severity"`
	Kind     string   `json:"kind"` // cipher-suite-0, clock-off, ...
	What     string   `json:"what"` // one sentence
	Why      string   `json:"why"`  // it matters
	// Remedy has HOST and ADDRESS in its command where several BMCs have the fault.
	Remedy Remedy      `json:"remedy"`
	BMCs   []FaultyBMC `json:"bmcs"`
}

// A FaultyBMC is a BMC that has a fault.
type FaultyBMC struct {
	Host    string `json:"host,omitempty"`    // "" for a BMC outside the inventory
	Address string `json:"address,omitempty"` // "" for a host without a BMC
	Detail  string `json:"detail,omitempty"`  // "3 days behind"
}

// Name is the host, or the address of a BMC that no host has.
func (f FaultyBMC) Name() string {
	if f.Host != "" {
		return f.Host
	}
	return f.Address
}

// String is the name with the detail after it.
func (f FaultyBMC) String() string {
	if f.Detail == "" {
		return f.Name()
	}
	return f.Name() + " (" + f.Detail + ")"
}

// Count is how many findings have a severity.
func (a Audit) Count(s Severity) int {
	n := 0
	for _, f := range a.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Summary counts the findings: "3 critical, 1 warning"; "" without any.
func (a Audit) Summary() string {
	var counts []string
	for _, s := range Severities() {
		if n := a.Count(s); n > 0 {
			counts = append(counts, s.Counted(n))
		}
	}
	return strings.Join(counts, ", ")
}
