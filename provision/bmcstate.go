package provision

import (
	"fmt"
	"time"
)

// A BMCState is what polling shows of a host's BMC.
type BMCState struct {
	// Answered is when the BMC answered last; zero: it has not yet.
	Answered time.Time `json:"answered,omitzero"`
	// SilentSince is when the first question failed of those that have failed since then; zero:
	// the last one was answered.
	SilentSince time.Time `json:"silent_since,omitzero"`
	// Why says why they fail, as events of BMCs do: address, password, silence, ...; Error is
	// the last one's text.
	Why   string `json:"why,omitempty"`
	Error string `json:"error,omitempty"`
	Power string `json:"power,omitempty"` // on, off, changing
	// Hottest is the temperature sensor with the highest value, such as "CPU1 Temp: 54 C".
	Hottest string `json:"hottest,omitempty"`
	// Critical are the sensors that are critical, in the same form.
	Critical []string `json:"critical,omitempty"`
}

// Silent reports whether the BMC has not answered for so long that a person should look.
func (s BMCState) Silent(now time.Time) bool {
	return !s.SilentSince.IsZero() && now.Sub(s.SilentSince) >= BMCSilent
}

// Notes are short texts for people about a BMC at now; empty when all is in order.
func (s BMCState) Notes(now time.Time) (out []string) {
	if s.Silent(now) {
		text := "BMC silent for " + Roughly(now.Sub(s.SilentSince))
		if s.Why != "silence" && s.Why != "address" {
			text = fmt.Sprintf("BMC can't be asked for %s (%s)", Roughly(now.Sub(s.SilentSince)), s.Why)
		}
		out = append(out, text)
	}
	if n := len(s.Critical); n > 1 {
		out = append(out, fmt.Sprintf("%d sensors critical, such as %s", n, s.Critical[0]))
	} else if n == 1 {
		out = append(out, "critical: "+s.Critical[0])
	}
	return out
}

// BMCSilent is how long a BMC must be silent until a person should look. A BMC that restarts
// needs a minute or two.
const BMCSilent = 5 * time.Minute
