package redfish

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rackhand/provision/bmc"
)

// maxSensorReads bounds the requests for one reading of all sensors: a rack node with GPUs has
// hundreds of sensors, each a resource of its own.
const maxSensorReads = 120

// A chassis is what is needed of a Chassis.
type chassis struct {
	Thermal, Power     link
	Sensors            link
	ThermalSubsystem   link
	PowerSubsystem     link
	EnvironmentMetrics link
	LogServices        link
	Links              struct {
		Systems []link `json:"ComputerSystems"`
	}
}

// A gathering reads sensors, as many as its requests allow.
type gathering struct {
	*session
	reads int
	found []bmc.Sensor
}

var errReads = errors.New("enough")

// Sensors implements bmc.Session.
func (s *session) Sensors(ctx context.Context) ([]bmc.Sensor, error) {
	all, others, err := s.chassisPaths(ctx)
	if err != nil {
		return nil, err
	}
	g := &gathering{session: s}
	var first error
	for _, at := range all {
		err := g.chassis(ctx, at, others)
		if errors.Is(err, errReads) {
			s.log.Debug("BMC has more sensors than are read at once", "read", len(g.found))
			break
		}
		// A chassis that can't be read costs no other, unless it is the BMC that is silent.
		if err != nil && (errors.Is(err, bmc.ErrUnreachable) || errors.Is(err, bmc.ErrSilent) || ctx.Err() != nil) {
			return nil, err
		}
		if err != nil && first == nil {
			first = err
		}
	}
	switch {
	case len(g.found) > 0:
		return g.found, nil
	case first != nil:
		return nil, first
	}
	return nil, fmt.Errorf("%w: it shows no sensor with a value", bmc.ErrUnsupported)
}

// maxChassis bounds how many chassis are looked at.
const maxChassis = 48

// chassisPaths are the chassis that may be of the session's system, first those that it
// links to, and the other systems behind the BMC.
func (s *session) chassisPaths(ctx context.Context) (all, others []link, err error) {
	sys, err := s.system(ctx)
	if err != nil {
		return nil, nil, err
	}
	listed, err := s.members(ctx, s.root.Chassis, maxChassis)
	if err != nil && (len(sys.Links.Chassis) == 0 || !errors.Is(err, bmc.ErrUnsupported)) {
		return nil, nil, err
	}
	if systems, err := s.members(ctx, s.root.Systems, maxMembers); err == nil {
		others = slices.DeleteFunc(systems, func(l link) bool { return l == s.systemAt })
	}
	for _, at := range slices.Concat(sys.Links.Chassis, listed) {
		if at != "" && !slices.Contains(all, at) && len(all) < maxChassis {
			all = append(all, at)
		}
	}
	return all, others, nil
}

// read reads a resource of sensors; one that is missing is nothing to report.
func (g *gathering) read(ctx context.Context, at link, into any) error {
	if at == "" {
		return nil
	}
	if g.reads++; g.reads > maxSensorReads {
		return errReads
	}
	_, err := g.get(ctx, at, into)
	if errors.Is(err, bmc.ErrUnsupported) {
		return nil
	}
	return err
}

// chassis reads the sensors of a chassis that is no other system's. Thermal and Power hold
// everything in two answers. Newer services have a resource for each sensor instead.
func (g *gathering) chassis(ctx context.Context, at link, others []link) error {
	if slices.ContainsFunc(others, func(o link) bool { return last(string(o)) == last(string(at)) }) { // Cray: Systems/Node1, Chassis/Node1
		return nil
	}
	var c chassis
	if err := g.read(ctx, at, &c); err != nil {
		return err
	}
	if of := c.Links.Systems; len(of) > 0 && !slices.Contains(of, g.systemAt) {
		return nil
	}
	before := len(g.found)
	var t thermal
	var p power
	if err := errors.Join(g.read(ctx, c.Thermal, &t), g.read(ctx, c.Power, &p)); err != nil {
		return err
	}
	g.found = append(append(g.found, t.sensors()...), p.sensors()...)
	if len(g.found) > before {
		return nil
	}
	if c.Sensors != "" {
		return g.each(ctx, c.Sensors)
	}
	return g.subsystems(ctx, c)
}

// each reads the members of a collection of sensors.
func (g *gathering) each(ctx context.Context, at link) error {
	g.reads++
	all, err := g.members(ctx, at, maxSensorReads)
	if errors.Is(err, bmc.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, m := range all {
		var one sensor
		if err := g.read(ctx, m, &one); err != nil {
			return err
		}
		if got, ok := one.sensor(); ok {
			g.found = append(g.found, got)
		}
	}
	return nil
}

// subsystems reads ThermalSubsystem and PowerSubsystem (Redfish 2020.4).
func (g *gathering) subsystems(ctx context.Context, c chassis) error {
	var ts struct{ ThermalMetrics, Fans link }
	var tm struct {
		Temperatures []struct {
			DeviceName string
			Reading    number
		} `json:"TemperatureReadingsCelsius"`
	}
	var env struct{ PowerWatts struct{ Reading number } }
	if err := g.read(ctx, c.ThermalSubsystem, &ts); err != nil {
		return err
	}
	if err := errors.Join(g.read(ctx, ts.ThermalMetrics, &tm), g.read(ctx, c.EnvironmentMetrics, &env)); err != nil {
		return err
	}
	for _, t := range tm.Temperatures {
		g.add(t.DeviceName, "temperature", t.Reading, "C", status{})
	}
	g.add("power", "power", env.PowerWatts.Reading, "W", status{})
	if ts.Fans == "" {
		return nil
	}
	g.reads++
	fans, err := g.members(ctx, ts.Fans, maxSensorReads)
	if err != nil {
		return err
	}
	for _, at := range fans {
		var f struct {
			Name         string
			SpeedPercent struct{ Reading, SpeedRPM number }
			Status       status
		}
		if err := g.read(ctx, at, &f); err != nil {
			return err
		}
		if f.SpeedPercent.SpeedRPM.known {
			g.add(f.Name, "fan", f.SpeedPercent.SpeedRPM, "RPM", f.Status)
		} else {
			g.add(f.Name, "fan", f.SpeedPercent.Reading, "%", f.Status)
		}
	}
	return nil
}

func (g *gathering) add(name, kind string, reading number, unit string, st status) {
	if got, ok := reading.sensor(name, kind, unit, st); ok {
		g.found = append(g.found, got)
	}
}
