package conduct

import (
	"strconv"
	"strings"

	"rackhand/provision"
)

// The end of a console that an event keeps: enough for a panic and what led to it.
const (
	consoleLines = 20
	consoleBytes = 1500
)

// keepConsole keeps the end of a box's console beside its install when the box is stuck or
// its install has failed: a kernel's last words stand nowhere else.
func (c *Conductor) keepConsole(e provision.Event) {
	if c.Console == nil || e.Install == "" || !(e.Source == "appliance" && e.Kind == "stuck") && e.Stage != provision.Failed {
		return
	}
	text := consoleEnd(c.Console(e.Host))
	if text == "" {
		return
	}
	if err := c.Journal.Record(provision.Event{
		Host: e.Host, Install: e.Install, Source: "bmc", Kind: provision.KindConsoleTail, Message: text,
		Fields: map[string]string{"lines": strconv.Itoa(strings.Count(text, "\n") + 1)},
	}); err != nil {
		c.Log.Warn("keeping the end of a console", "install", e.Install, "error", err)
	}
}

// consoleEnd is the end of a console's log, bounded, without empty lines.
func consoleEnd(text string) string {
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(text, "")) {
		if line = strings.TrimRight(line, "\r\n\t "); line != "" {
			lines = append(lines, line)
		}
	}
	lines = lines[max(0, len(lines)-consoleLines):]
	for len(lines) > 1 && len(strings.Join(lines, "\n")) > consoleBytes {
		lines = lines[1:]
	}
	text = strings.Join(lines, "\n")
	if len(text) > consoleBytes {
		text = strings.ToValidUTF8(text[len(text)-consoleBytes:], "")
	}
	return text
}
