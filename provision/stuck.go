package provision

import "time"

// A Stuck says why a host makes no progress, or why its install failed. Package why computes
// it from the journal and the inventory.
type Stuck struct {
	// Rule is the name of the rule that found it: power-failed, other-server, disk-guard, ...
	Rule string `json:"rule"`
	// Since is when the host stopped.
	Since time.Time `json:"since"`
	// Last is the last thing that the box itself did; nil: nothing was heard of it.
	Last *Seen `json:"last,omitempty"`
	// Expected is what should have come next, and by when; nil once the install has failed.
	Expected *Expected `json:"expected,omitempty"`
	// Causes are the cause, or two or more, each with the fact that decides for it.
	Causes []Cause `json:"causes"`
	// Evidence are the numbers of the events that show it, in their order.
	Evidence []uint64 `json:"evidence,omitempty"`
	Remedy   Remedy   `json:"remedy"`
	// Boxes are the hosts that stopped at the same place of the same link within minutes, if
	// the cause is the link's; empty when it is the host's own.
	Boxes []string `json:"boxes,omitempty"`
	// Link names that link: a network, or a switch by its relay's word.
	Link string `json:"link,omitempty"`
}

// A Seen is something that the box did.
type Seen struct {
	Seq  uint64    `json:"seq"` // the event's number
	Time time.Time `json:"time"`
	Text string    `json:"text"`
}

// Expected is what should have come next. By is zero when no time is expected.
type Expected struct {
	Text string    `json:"text"` // "its firmware asks for its boot program"
	By   time.Time `json:"by,omitzero"`
}

// A Cause is a possible cause in one sentence. Decider is the fact that decides for it, in
// one sentence; empty when no other cause is possible.
type Cause struct {
	Text    string `json:"text"`
	Decider string `json:"decider,omitempty"`
}

// A Remedy is what to do. Command can be pasted into a shell; it is empty when no command
// does it.
type Remedy struct {
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// String is the remedy as one text, with the command in backquotes.
func (r Remedy) String() string {
	if r.Command == "" {
		return r.Text
	}
	return r.Text + " `" + r.Command + "`"
}

// Cause is the causes in one text.
func (s *Stuck) Cause() string {
	text := ""
	for i, c := range s.Causes {
		if i > 0 {
			text += " Or: "
		}
		text += c.Text
		if c.Decider != "" {
			text += " (" + c.Decider + ")"
		}
	}
	return text
}

// A LinkStuck is what several hosts on one link have in common that stopped at the same
// place within minutes.
type LinkStuck struct {
	Link  string   `json:"link"`
	Hosts []string `json:"hosts"`
	Stuck *Stuck   `json:"stuck"`
}

// Shown returns the diagnosis with times of day in place of counted times. ahead is how far
// the machine's clock is ahead of counted time.
func (s *Stuck) Shown(ahead time.Duration) *Stuck {
	if s == nil {
		return nil
	}
	out := *s
	out.Since = s.Since.Add(ahead)
	if s.Last != nil {
		last := *s.Last
		last.Time = last.Time.Add(ahead)
		out.Last = &last
	}
	if s.Expected != nil {
		expected := *s.Expected
		if !expected.By.IsZero() {
			expected.By = expected.By.Add(ahead)
		}
		out.Expected = &expected
	}
	return &out
}

// A WhyReply is a host with its diagnosis, and the events that show it.
type WhyReply struct {
	Host     HostStatus `json:"host"`
	Evidence []Event    `json:"evidence"`
}
