package conduct

import (
	"strings"
	"testing"

	"rackhand/provision"
)

// TestKeepConsole: the end of the console is kept when a box is stuck or has failed, bounded.
func TestKeepConsole(t *testing.T) {
	c := armed(t)
	in, _ := c.Journal.Install("web1")
	for _, tt := range []struct {
		name  string
		event provision.Event
		text  string
		want  string
	}{
		{"stuck", provision.Event{Source: "appliance", Kind: "stuck"}, "boot\r\n\r\n[ 2.1] Kernel panic\r\n", "boot\n[ 2.1] Kernel panic"},
		{"failed", provision.Event{Source: "appliance", Kind: "given-up", Stage: provision.Failed}, "panic", "panic"},
		{"nothing is logged", provision.Event{Source: "appliance", Kind: "stuck"}, "", ""},
		{"an event of its way", provision.Event{Source: "dhcp", Kind: "ack", Stage: provision.Addressed}, "boot", ""},
		{"an installer that calls itself stuck", provision.Event{Source: "installer", Kind: "stuck"}, "boot", ""},
		{"many lines", provision.Event{Source: "appliance", Kind: "stuck"}, strings.Repeat("x\n", 500), strings.TrimSpace(strings.Repeat("x\n", 20))},
		{"one long line", provision.Event{Source: "appliance", Kind: "stuck"}, strings.Repeat("é", 5000), strings.Repeat("é", 750)},
	} {
		c.Console = func(string) string { return tt.text }
		tt.event.Host, tt.event.Install = "web1", in.ID
		before := c.Journal.Seq()
		c.keepConsole(tt.event)
		got := ""
		if c.Journal.Seq() != before {
			events, err := c.Journal.Events(t.Context(), "web1", 1)
			if err != nil || events[0].Kind != provision.KindConsoleTail || events[0].Source != "bmc" {
				t.Fatalf("%s: %+v, %v", tt.name, events, err)
			}
			got = events[0].Message
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
