package hardware

import (
	"fmt"
	"time"

	"rackhand/provision/installer/report"
)

// maxSkew is how far the box's clock may be off before it is set. The appliance says
// the time in whole seconds.
const maxSkew = 2 * time.Second

// believable is the earliest time that a correct clock can show. An appliance with an earlier
// time has a clock that was never set.
var believable = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// clockOff is the difference between the appliance's time and the box's, 0 when the box's
// clock should not be changed. why is the reason, if the operator should know it.
func clockOff(box, appliance time.Time) (off time.Duration, why string) {
	switch off = appliance.Sub(box); {
	case appliance.IsZero():
		return 0, "the appliance did not send the time"
	case appliance.Before(believable):
		return 0, fmt.Sprintf("the appliance says that it is %s: set its clock", appliance.Format(time.DateOnly))
	case off.Abs() <= maxSkew:
		return 0, ""
	}
	return off, ""
}

// SetClock sets the system's clock and the board's to the appliance's time. Signed package
// lists and certificates depend on it before the first boot. A clock that can't be set is a
// warning, because most installs succeed without.
func SetClock(log report.Log, clk report.Clock, appliance time.Time) {
	off, why := clockOff(clk.Now().Round(0), appliance)
	if why != "" {
		log.Warnf("the box's clock was not compared: %s", why)
	}
	if off == 0 {
		return
	}
	direction := "behind"
	if off < 0 {
		direction = "ahead of"
	}
	text := fmt.Sprintf("the box's clock was %s %s the appliance's", off.Abs().Round(time.Second), direction)
	if err := clk.Set(appliance); err != nil {
		log.Warnf("%s, and can't be set: %v", text, err)
		return
	}
	if err := clk.SetHardware(appliance); err != nil {
		log.Warnf("%s, and was set; its hardware clock can't be: %v", text, err)
		return
	}
	log.Event(report.Event{Kind: "clock-set", Message: text + ", and was set, its hardware clock too"})
}
