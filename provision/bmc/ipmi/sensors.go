package ipmi

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/bougou/go-ipmi/pkg/types"

	"rackhand/provision/bmc"
)

const (
	sensorsLimit = 20 * time.Second // for the readings altogether
	sensorTries  = 2                // a BMC takes 5 s to say of some that they are absent
)

// Sensors reads the BMC's own sensors (IPMI 2.0 §35.14). Each has little time, because some
// BMCs are silent about an absent one. What there was no time for is left out.
func (s *session) Sensors(ctx context.Context) ([]bmc.Sensor, error) {
	records, err := s.records(ctx)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, sensorsLimit)
	defer cancel()
	var all []bmc.Sensor
	var silent error
	for _, d := range describe(records) {
		answer, err := s.reading(within, d)
		if within.Err() != nil {
			s.log.Debug("not all sensors were read in time", "read", len(all))
			break
		}
		if errors.Is(err, bmc.ErrSilent) {
			silent = err
		}
		if err != nil {
			continue
		}
		if reading, ok := d.read(answer); ok {
			all = append(all, reading)
		}
	}
	switch {
	case ctx.Err() != nil:
		return all, s.named(ctx.Err())
	case len(all) == 0:
		return nil, silent
	}
	return all, nil
}

func (s *session) reading(ctx context.Context, d described) (answer []byte, err error) {
	for range sensorTries {
		answer, err = s.quick(toLUN(ctx, d.lun), s.driver.exchange(), types.CommandGetSensorReading, d.number)
		if !errors.Is(err, bmc.ErrSilent) {
			break
		}
	}
	return answer, err
}

// read decodes Get Sensor Reading; ok is false for a sensor without a reading.
func (d described) read(answer []byte) (r bmc.Sensor, ok bool) {
	const scanned, unavailable = 1 << 6, 1 << 5
	if len(answer) < 2 || answer[1]&scanned == 0 || answer[1]&unavailable != 0 {
		return r, false
	}
	state := uint16(0)
	for i, b := range answer[2:min(len(answer), 4)] {
		state |= uint16(b) << (8 * i)
	}
	state &= 0x7fff
	r = bmc.Sensor{Name: d.name, Health: bmc.OK}
	if d.full == nil {
		r.Kind = kindOf(d.kind, "")
		r.State, r.Health = d.words(state)
		return r, r.State != ""
	}
	value := math.NaN()
	safely(func() { value = d.full.ConvertReading(answer[0]) })
	r.Unit = unitOf(d.full.SensorUnit)
	switch d.full.SensorUnit.BaseUnit {
	case types.SensorUnitType_DegreesF:
		value = (value - 32) / 1.8
	case types.SensorUnitType_DegreesK:
		value -= 273.15
	}
	if math.IsNaN(value) || math.IsInf(value, 0) || d.full.LinearizationFunc.IsNonLinear() {
		return r, false
	}
	r.Value, r.Kind = math.Round(value*1000)/1000, kindOf(d.kind, r.Unit)
	if d.reading.IsThreshold() {
		r.Health = thresholdHealth(state, readable(d.full))
	}
	return r, true
}

// readable are the thresholds that a sensor has, in the order of the comparison's bits.
func readable(full *types.SDRFull) (bits uint16) {
	for i, t := range []types.SensorThresholdType{
		types.SensorThresholdType_LNC, types.SensorThresholdType_LCR, types.SensorThresholdType_LNR,
		types.SensorThresholdType_UNC, types.SensorThresholdType_UCR, types.SensorThresholdType_UNR,
	} {
		if full.Mask.Threshold.IsThresholdReadable(t) {
			bits |= 1 << i
		}
	}
	return bits
}

// thresholdHealth judges the comparison of a reading with its thresholds (IPMI 2.0 table
// 35-15): bits 0 to 2 are the lower non-critical, critical and non-recoverable one, bits 3 to
// 5 the upper ones. Those of thresholds that there aren't mean nothing.
func thresholdHealth(state, has uint16) string {
	const nonCritical = 1<<0 | 1<<3
	switch state &= has & 0x3f; {
	case state&^nonCritical != 0:
		return bmc.Critical
	case state != 0:
		return bmc.Warning
	}
	return bmc.OK
}

// words names the states of a discrete sensor (IPMI 2.0 tables 42-2 and 42-3), with the
// health of the worst.
func (d described) words(state uint16) (text, health string) {
	var all []string
	health = bmc.OK
	for offset := range byte(15) {
		if state&(1<<offset) == 0 {
			continue
		}
		event := d.reading.EventForOffset(d.kind, offset)
		if event == nil {
			all = append(all, "state "+itoa(int(offset)))
			continue
		}
		all = append(all, event.EventName)
		data := types.EventData{EventData1: offset}
		health = worse(health, healthOf(d.reading.EventSeverity(d.kind, data, types.EventDirAssertion)))
	}
	return strings.Join(all, ", "), health
}

func healthOf(s types.EventSeverity) string {
	switch s {
	case types.EventSeverityCritical:
		return bmc.Critical
	case types.EventSeverityWarning, types.EventSeverityDegraded, types.EventSeverityNonFatal:
		return bmc.Warning
	}
	return bmc.OK
}

func worse(a, b string) string {
	if a == bmc.Critical || b == bmc.Critical {
		return bmc.Critical
	}
	if a == bmc.Warning || b == bmc.Warning {
		return bmc.Warning
	}
	return bmc.OK
}

func unitOf(u types.SensorUnit) string {
	switch u.BaseUnit {
	case types.SensorUnitType_DegreesC, types.SensorUnitType_DegreesF, types.SensorUnitType_DegreesK:
		return "C"
	case types.SensorUnitType_Volts:
		return "V"
	case types.SensorUnitType_Amps:
		return "A"
	case types.SensorUnitType_Watts:
		return "W"
	case types.SensorUnitType_RPM:
		return "RPM"
	case types.SensorUnitType_Unspecified:
		if u.Percentage {
			return "%"
		}
		return ""
	}
	return u.String()
}

func kindOf(t types.SensorType, unit string) string {
	if kind, ok := map[string]string{"C": "temperature", "V": "voltage", "A": "current", "W": "power", "RPM": "fan"}[unit]; ok {
		return kind
	}
	if kind, ok := map[types.SensorType]string{
		types.SensorTypeTemperature: "temperature", types.SensorTypeVoltage: "voltage",
		types.SensorTypeCurrent: "current", types.SensorTypeFan: "fan",
	}[t]; ok {
		return kind
	}
	return "other"
}

func itoa(n int) string { return strconv.Itoa(n) }
