package installer

import (
	"fmt"
	"time"

	"rackhand/provision/installer/report"
)

// maxSkew is how far the box's clock may be off before it is set. The appliance says
// the time in whole seconds.
const maxSkew = 2 * time.Second

// believable is the earliest time that a right clock can have: an appliance that is
// earlier has a clock that was never set.
var believable = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// clockOff says by how much the box's clock is off, by the time that the appliance told;
// 0 when it is to be left alone, with the reason if somebody should know it.
func clockOff(box, appliance time.Time) (off time.Duration, why string) {
	switch off = appliance.Sub(box); {
	case appliance.IsZero():
		return 0, "the appliance did not say what time it is"
	case appliance.Before(believable):
		return 0, fmt.Sprintf("the appliance says that it is %s: set its clock", appliance.Format(time.DateOnly))
	case off.Abs() <= maxSkew:
		return 0, ""
	}
	return off, ""
}

// setClock sets the box's clock, and the board's, by the appliance's time: signed package
// lists and certificates are judged by it before the first boot, and nobody has set it. What
// can't be set is a warning, and the install goes on: most do without.
func (m *machine) setClock(appliance time.Time) {
	off, why := clockOff(m.clk.Now().Round(0), appliance)
	if why != "" {
		m.Warnf("the box's clock was not compared: %s", why)
	}
	if off == 0 {
		return
	}
	direction := "behind"
	if off < 0 {
		direction = "ahead of"
	}
	text := fmt.Sprintf("the box's clock was %s %s the appliance's", off.Abs().Round(time.Second), direction)
	if err := m.clk.Set(appliance); err != nil {
		m.Warnf("%s, and can't be set: %v", text, err)
		return
	}
	if err := m.clk.SetHardware(appliance); err != nil {
		m.Warnf("%s, and was set; its hardware clock can't be: %v", text, err)
		return
	}
	m.Event(report.Event{Kind: "clock-set", Message: text + ", and was set, its hardware clock too"})
}
