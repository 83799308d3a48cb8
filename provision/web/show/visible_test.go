package show_test

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"rackhand/provision"
	"rackhand/provision/web/show"
)

// TestInvisible: what a box or a relay says of itself moves no terminal.
func TestInvisible(t *testing.T) {
	const evil = "a\u202eb\u200bc\x1b[31md\u009be"
	var b strings.Builder
	in := provision.Install{ID: "web1-1", Host: "web1", Stage: provision.Failed, Reason: evil, Progress: evil}
	st := provision.Status{Problems: []string{evil}, Hosts: []provision.HostStatus{{Host: "web1", SwitchPort: evil, Install: &in, Last: &provision.Event{Message: evil}}}}
	for _, err := range []error{show.Status(&b, st, time.Now()), show.Stages(&b, in), show.Job(&b, in)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := show.Event(&b, provision.Event{Host: "web1", Message: evil + "\nX 00:00:00 web2"}); err != nil {
		t.Fatal(err)
	}
	stuck := st.Hosts[0]
	stuck.Maker, stuck.Place, stuck.Power = evil, provision.Installer, evil
	stuck.Stuck = &provision.Stuck{
		Rule: "failed", Causes: []provision.Cause{{Text: evil, Decider: evil}}, Remedy: provision.Remedy{Text: evil, Command: evil},
		Last: &provision.Seen{Text: evil}, Expected: &provision.Expected{Text: evil}, Boxes: []string{evil}, Link: evil,
	}
	events := []provision.Event{{}, {Host: "web1", Source: "installer", Kind: evil, Message: evil + "\nX 00:00:00 web2"}}
	for _, err := range []error{
		show.Host(&b, stuck, events, time.Now()), show.Why(&b, provision.WhyReply{Host: stuck, Evidence: events}, time.Now()),
		show.Event(&b, events[0]), show.Event(&b, events[1]),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(b.String(), `a\u202eb\u200bc\x1b[31md\u009be`); n < 5 {
		t.Errorf("it is shown %d times in\n%s", n, b.String())
	}
	if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }) {
		t.Errorf("%q", b.String())
	}
	if strings.Contains(b.String(), "\nX 00:00:00") {
		t.Error("an event's text begins a line of its own")
	}
}
