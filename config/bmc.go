package config

import (
	"regexp"
	"time"

	"rackhand/config/schema"
)

// The consoles that are recorded without anybody attached.
const (
	RecordInstalls = "installs" // of hosts with an install or job under way
	RecordAlways   = "always"
	RecordNever    = "never"
)

// BMC is how often BMCs are asked (0: never), and which consoles are recorded.
type BMC struct {
	Poll    time.Duration // for the power state: 1 min
	Sensors time.Duration // for sensors, log and boot override: 5 min
	Console string        // RecordInstalls
}

// off is the word for a thing that is never done.
const off = "off"

// everyForm is a Go duration, or off.
var everyForm = regexp.MustCompile(`^(off|([0-9]+(\.[0-9]*)?(ms|s|m|h))+)$`)

func (r *reader) bmcFields() schema.Fields {
	c := &r.config.BMC
	return schema.Fields{
		"poll": every("bmc.poll", &c.Poll, 10*time.Second, time.Hour),
		"console": func(n schema.Node) {
			if text, ok := n.OneOf("bmc.console", RecordInstalls, RecordAlways, RecordNever); ok {
				c.Console = text
			}
		},
		"sensors": every("bmc.sensors", &c.Sensors, time.Minute, 24*time.Hour),
	}
}

// every reads how often a thing is done: a duration, or off.
func every(what string, to *time.Duration, low, high time.Duration) func(schema.Node) {
	return func(n schema.Node) {
		text, ok := n.Text(what)
		switch {
		case !ok:
		case text == off:
			*to = 0
		default:
			d, err := time.ParseDuration(text)
			if err != nil || d < low || d > high {
				n.Problem("write a number with its unit, such as 90s or 5m, or off", "%s must be from %s to %s, or off, not %q", what, schema.Plain(low), schema.Plain(high), text)
				return
			}
			*to = d
		}
	}
}
