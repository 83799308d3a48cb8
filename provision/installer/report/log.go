package report

import "fmt"

// A Log is where the installer says what it does: on the consoles for a person, and by
// events for the appliance.
type Log struct {
	Con *Console
	Rep *Reporter
}

// Event shows an event's message on the consoles and queues it for the appliance.
func (l Log) Event(e Event) {
	l.Con.Printf("%s", e.Message)
	l.Rep.Send(e)
}

// Warnf is Event with a warning.
func (l Log) Warnf(format string, args ...any) {
	l.Event(Event{Kind: "warning", Level: "warn", Message: fmt.Sprintf(format, args...)})
}
