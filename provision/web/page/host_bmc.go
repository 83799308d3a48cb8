package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
	"rackhand/provision/bmc/poll"
)

// A BMCSource is a Source that also has what BMCs said when they were polled.
type BMCSource interface {
	// BMC returns the latest answer of a host's BMC; false before the first one.
	BMC(host string) (poll.Latest, bool)
}

// sensorsShown is how many sensors a host's page shows at once. The others are folded.
const sensorsShown = 6

// A bmcView is what a host's page shows of its BMC.
type bmcView struct {
	Power   string
	At      *moment // of the last answer
	Read    *moment // of sensors and log
	Silent  string  // since when it can't be asked, and why; "" when it answers
	Faults  []string
	Facts   []field
	Sensors []sensorView
	Rest    []sensorView // folded
	Entries []entryView  // of its event log, the latest first
}

// A sensorView is a sensor as the templates show it.
type sensorView struct{ Name, Value, Health, Level string }

// An entryView is an entry of an event log.
type entryView struct {
	At                          *moment
	Sensor, Text, Health, Level string
}

// viewBMC makes the view of what a BMC said.
func viewBMC(l poll.Latest, now time.Time) *bmcView {
	v := &bmcView{Power: l.State.Power, At: at(l.State.Answered, now), Read: at(l.Read, now)}
	for _, f := range l.Report.Faults {
		v.Faults = append(v.Faults, cut(f, 160))
	}
	if since := l.State.SilentSince; !since.IsZero() {
		v.Silent = fmt.Sprintf("can't be asked for %s: %s", provision.Roughly(now.Sub(since)), cut(l.State.Error, 300))
	}
	v.Facts = bmcFacts(l.Report)
	sensors := slices.Clone(l.Report.Sensors)
	// Those that need a look come first, then the others as the BMC has them.
	slices.SortStableFunc(sensors, func(a, b bmc.Sensor) int { return rankOf(a.Health) - rankOf(b.Health) })
	for i, s := range sensors {
		view := sensorView{cut(s.Name, 60), cut(s.Reading(), 60), s.Health, levelOf(s.Health)}
		if i < sensorsShown {
			v.Sensors = append(v.Sensors, view)
		} else {
			v.Rest = append(v.Rest, view)
		}
	}
	for _, e := range slices.Backward(l.Report.Entries) {
		v.Entries = append(v.Entries, entryView{at(e.At, now), cut(e.Sensor, 60), cut(e.Text, 240), e.Health, levelOf(e.Health)})
	}
	return v
}

func bmcFacts(r bmc.Report) []field {
	var out []field
	add := func(name string, words ...string) {
		if text := strings.TrimSpace(strings.Join(words, " ")); text != "" {
			out = append(out, field{name, cut(text, 120)})
		}
	}
	if i := r.Info; i != nil {
		add("Model", i.Maker, i.Model)
		add("Serial number", i.Serial)
		add("BIOS version", i.BIOS)
		add("BMC version", i.BMC)
	}
	if r.Boot != nil {
		add("Boot override", r.Boot.Text)
	}
	if r.Network != nil {
		add("Network", r.Network.String())
	}
	if r.Log != nil {
		add("Event log", r.Log.String())
	}
	return out
}

// rankOf sorts healths, worst first.
func rankOf(health string) int {
	switch health {
	case bmc.Critical:
		return 0
	case bmc.Warning:
		return 1
	}
	return 2
}

// levelOf is the level of a health, as events have it.
func levelOf(health string) string {
	return map[string]string{bmc.Critical: "error", bmc.Warning: "warning"}[health]
}
