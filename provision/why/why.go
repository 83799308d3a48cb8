// Package why says why a host makes no progress, or why its install failed: the cause, the
// events that show it, and what to do. It is pure: it reads the journal's events, the
// install and the inventory, so a copy of them gives the same answer elsewhere.
package why

import (
	"slices"
	"strings"
	"time"

	"rackhand/inventory"
	"rackhand/provision"
)

// A Case is what is on record of one host. All times are counted times, see
// provision.Install.
type Case struct {
	// Host is the host in the inventory; nil: it was removed.
	Host *inventory.Host
	// Install is the host's install or job: under way, or ended.
	Install provision.Install
	// Events are the host's events since the install was requested, oldest first.
	Events []provision.Event
	// Links are events without a host of the same time, oldest first: other DHCP servers,
	// networks without a free address, starts of the appliance.
	Links []provision.Event
	// Times is how long each stage usually takes; the zero value stands for the shipped
	// times.
	Times Times
}

// Diagnose returns why the host makes no progress, or why its install failed; nil when
// nothing is wrong. The first rule that applies decides.
func Diagnose(c Case, now time.Time) *provision.Stuck {
	_, stuck := Look(c, now)
	return stuck
}

// Look returns what Diagnose does, and the stage that the box is in by what it did last. That
// differs from the install's stage when the box has booted again in the middle of it.
func Look(c Case, now time.Time) (provision.Stage, *provision.Stuck) {
	s := tell(c, now)
	return s.place, s.diagnose()
}

func (s *story) diagnose() *provision.Stuck {
	if s.in.Stage == provision.Serving || s.in.Stage == provision.Cancelled || s.in.Stage == provision.Done {
		return nil
	}
	for _, r := range rules() {
		if r.failed != (s.in.Stage == provision.Failed) && !r.both {
			continue
		}
		if f := r.find(s); f != nil {
			return s.stuck(r.name, f)
		}
	}
	return nil
}

// A finding is what a rule has found.
type finding struct {
	// since is when the host stopped; zero: when the box was heard last, or reached its stage.
	since time.Time
	// expected is what should have come, by when; nil: what usually follows the box's stage.
	expected *provision.Expected
	causes   []provision.Cause
	evidence []provision.Event
	remedy   provision.Remedy
}

// cause makes a single cause.
func cause(text string) []provision.Cause { return []provision.Cause{{Text: text}} }

// stuck completes a finding.
func (s *story) stuck(rule string, f *finding) *provision.Stuck {
	out := &provision.Stuck{Rule: rule, Since: f.since, Causes: f.causes, Remedy: f.remedy, Expected: f.expected}
	last := s.last
	if logged := s.logged(); logged != nil {
		if last == nil || logged.Counted.After(last.Counted) {
			last = logged
		}
		if !slices.ContainsFunc(f.evidence, func(e provision.Event) bool { return e.Seq == logged.Seq }) {
			f.evidence = append(slices.Clip(f.evidence), *logged)
		}
	}
	if last != nil {
		out.Last = &provision.Seen{Seq: last.Seq, Time: last.Counted, Text: brief(last.Message)}
	}
	for i, c := range out.Causes {
		if strings.Trim(c.Text, " .") == "" { // a box may report a failure without a word
			out.Causes[i].Text = "Nothing on record says why."
		}
	}
	if !pastable(out.Remedy.Command) {
		out.Remedy.Command = ""
	}
	if out.Since.IsZero() {
		out.Since = s.stopped()
	}
	if out.Expected == nil && s.in.Stage != provision.Failed {
		out.Expected = s.next()
	}
	for _, e := range f.evidence {
		out.Evidence = append(out.Evidence, e.Seq)
	}
	slices.Sort(out.Evidence)
	return out
}

// pastable reports whether a shell takes a command as it stands, as plain words. Parts of a
// command may come from a box, and people paste it.
func pastable(command string) bool {
	return !strings.ContainsFunc(command, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" -_./:=@%+,", r))
	})
}
