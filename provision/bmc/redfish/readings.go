package redfish

import (
	"strings"

	"rackhand/provision/bmc"
)

// A status is Resource.Status.
type status struct{ State, Health string }

// absent reports whether what it is about isn't there, so that its reading means nothing.
func (s status) absent() bool {
	switch s.State {
	case "Absent", "Disabled", "UnavailableOffline":
		return true
	}
	return false
}

func healthOf(text string) string {
	switch text {
	case "Warning":
		return bmc.Warning
	case "Critical":
		return bmc.Critical
	}
	return bmc.OK
}

// sensor makes a sensor of a reading; false for one without a value.
func (n number) sensor(name, kind, unit string, st status) (bmc.Sensor, bool) {
	if !n.known || st.absent() {
		return bmc.Sensor{}, false
	}
	return bmc.Sensor{Name: clean(name, shortText), Kind: kind, Value: n.value, Unit: unit, Health: healthOf(st.Health)}, true
}

// A thermal is a Thermal resource.
type thermal struct {
	Temperatures []struct {
		Name           string
		ReadingCelsius number
		Status         status
	}
	Fans []struct {
		Name, FanName, ReadingUnits string
		Reading, ReadingRPM         number
		Status                      status
	}
}

func (t thermal) sensors() (found []bmc.Sensor) {
	add := func(s bmc.Sensor, ok bool) {
		if ok {
			found = append(found, s)
		}
	}
	for _, x := range t.Temperatures {
		add(x.ReadingCelsius.sensor(x.Name, "temperature", "C", x.Status))
	}
	for _, f := range t.Fans {
		if f.Name == "" {
			f.Name = f.FanName
		}
		unit := "RPM"
		if strings.EqualFold(f.ReadingUnits, "Percent") {
			unit = "%"
		}
		if f.ReadingRPM.known { // Thermal before 1.0.1
			f.Reading, unit = f.ReadingRPM, "RPM"
		}
		add(f.Reading.sensor(f.Name, "fan", unit, f.Status))
	}
	return found
}

// A power is a Power resource.
type power struct {
	PowerControl []struct {
		Name               string
		PowerConsumedWatts number
		Status             status
	}
	Voltages []struct {
		Name         string
		ReadingVolts number
		Status       status
	}
	PowerSupplies []struct {
		Name                                                    string
		LastPowerOutputWatts, PowerOutputWatts, PowerInputWatts number
		Status                                                  status
	}
}

func (p power) sensors() (found []bmc.Sensor) {
	add := func(s bmc.Sensor, ok bool) {
		if ok {
			found = append(found, s)
		}
	}
	for _, c := range p.PowerControl {
		if c.Name == "" {
			c.Name = "power"
		}
		add(c.PowerConsumedWatts.sensor(c.Name, "power", "W", c.Status))
	}
	for _, v := range p.Voltages {
		add(v.ReadingVolts.sensor(v.Name, "voltage", "V", v.Status))
	}
	for _, s := range p.PowerSupplies {
		for _, watts := range []number{s.PowerOutputWatts, s.LastPowerOutputWatts, s.PowerInputWatts} {
			if watts.known {
				add(watts.sensor(s.Name, "power", "W", s.Status))
				s.Status = status{}
				break
			}
		}
		// Without a reading its health is still worth a line.
		if s.Status.State != "" && !s.Status.absent() {
			add(bmc.Sensor{Name: clean(s.Name, shortText), Kind: "other", State: clean(s.Status.State, shortText), Health: healthOf(s.Status.Health)}, true)
		}
	}
	return found
}

// A sensor is a Sensor resource.
type sensor struct {
	ID           string `json:"Id"`
	Name         string
	Reading      number
	ReadingType  string
	ReadingUnits string
	Status       status
}

// kinds are the reading types (Sensor.ReadingType) that have a kind of their own.
var kinds = map[string][2]string{
	"Temperature": {"temperature", "C"}, "Rotational": {"fan", "RPM"}, "Voltage": {"voltage", "V"},
	"Power": {"power", "W"}, "Current": {"current", "A"},
}

func (x sensor) sensor() (bmc.Sensor, bool) {
	if x.Name == "" {
		x.Name = x.ID
	}
	kind, unit := "other", clean(x.ReadingUnits, 20)
	known, ok := kinds[x.ReadingType]
	if ok {
		kind = known[0]
		if unit == "" || unit == "Cel" {
			unit = known[1]
		}
	} else if unit == "Cel" { // UCUM's degree Celsius
		kind, unit = "temperature", "C"
	}
	return x.Reading.sensor(x.Name, kind, unit, x.Status)
}
