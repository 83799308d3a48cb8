package show

import (
	"fmt"

	"rackhand/config/visible"
	"rackhand/provision"
)

// TraceLine is a packet or request as a line, with the time of day in the reader's zone: "<"
// came from the box, ">" went to it.
func TraceLine(l provision.TraceLine) string {
	way := "<"
	if l.Sent {
		way = ">"
	}
	text := fmt.Sprintf("%s %s %s", l.Time.Local().Format("15:04:05.000"), way, visible.Text(l.Text))
	if l.Times > 1 {
		text += fmt.Sprintf(" (%d times since %s)", l.Times, l.Since.Local().Format("15:04:05"))
	}
	return text
}
