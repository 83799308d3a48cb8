package poll

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/bmc"
)

const (
	// tellAgain is the shortest time between two events that say the same of a host.
	tellAgain = time.Hour
	// mostNamed is how many sensors an event names.
	mostNamed = 5
)

// A Latest is the latest answer of a host's BMC.
type Latest struct {
	State provision.BMCState
	// Report has the latest answer of each part. Parts are replaced, never changed.
	Report bmc.Report
	// Read is when sensors, log and boot override were read, Info when model, firmware and
	// network were.
	Read, Info time.Time
}

// A host is what is known of one host's BMC.
type host struct {
	address     string
	report      bmc.Report
	answered    time.Time
	silentSince time.Time
	err         error
	read, info  time.Time

	toldSilent bool // an event says that it is silent
	silentTold time.Time
	critical   map[string]time.Time // when an event named a sensor that is still critical
	toldSensor time.Time
}

func (h *host) asked() bool { return !h.answered.IsZero() || !h.silentSince.IsZero() }

func (h *host) state() provision.BMCState {
	s := provision.BMCState{Answered: h.answered, SilentSince: h.silentSince, Power: h.report.Power}
	if h.err != nil {
		s.Why, s.Error = bmc.Why(h.err), h.err.Error()
	}
	if hottest, ok := bmc.Hottest(h.report.Sensors); ok {
		s.Hottest = named(hottest)
	}
	for _, c := range h.criticals() {
		s.Critical = append(s.Critical, named(c))
	}
	return s
}

func named(s bmc.Sensor) string { return s.Name + ": " + s.Reading() }

// criticals are the sensors that are critical while the box is on: a fan of a box that is off
// stands still.
func (h *host) criticals() []bmc.Sensor {
	if h.report.Power == "off" {
		return nil
	}
	return bmc.CriticalSensors(h.report.Sensors)
}

// take keeps an answer and returns the events that it makes.
func (h *host) take(a answer, now time.Time) []provision.Event {
	if a.err != nil && a.report.Power == "" {
		h.err = a.err
		if h.silentSince.IsZero() {
			h.silentSince = now
		}
		return h.tellSilent(now)
	}
	silentFor := now.Sub(h.silentSince)
	h.answered, h.silentSince, h.err = now, time.Time{}, nil
	h.merge(a, now)
	var events []provision.Event
	if h.toldSilent {
		h.toldSilent = false
		events = append(events, provision.Event{
			Kind: "answers", Message: fmt.Sprintf("its BMC at %s answers again, after %s", h.address, provision.Span(silentFor.Truncate(time.Second))),
			Fields: map[string]string{"address": h.address},
		})
	}
	if slices.Contains(a.got(), bmc.PartSensors) {
		events = append(events, h.tellCritical(now)...)
	}
	return events
}

// merge replaces the parts that an answer has.
func (h *host) merge(a answer, now time.Time) {
	r, n := &h.report, a.report
	missing := maps.Clone(r.Missing)
	if missing == nil {
		missing = map[bmc.ReportPart]string{}
	}
	for _, p := range a.got() {
		delete(missing, p)
	}
	maps.Copy(missing, n.Missing)
	r.At, r.Power, r.Faults, r.Missing = now, n.Power, n.Faults, missing
	if slices.Contains(a.got(), bmc.PartInfo) {
		r.Info, r.Network, h.info = n.Info, n.Network, now
	}
	if slices.Contains(a.got(), bmc.PartSensors) {
		r.Sensors, r.Log, r.Entries, r.Boot, h.read = n.Sensors, n.Log, n.Entries, n.Boot, now
	}
}

// tellSilent says once that a BMC has been silent for long.
func (h *host) tellSilent(now time.Time) []provision.Event {
	if h.toldSilent || now.Sub(h.silentSince) < provision.BMCSilent || !h.silentTold.IsZero() && now.Sub(h.silentTold) < tellAgain {
		return nil
	}
	h.toldSilent, h.silentTold = true, now
	return []provision.Event{{
		Kind: "silent", Level: provision.LevelWarn,
		Message: fmt.Sprintf("its BMC can't be asked for %s: %v", provision.Span(now.Sub(h.silentSince).Truncate(time.Second)), h.err),
		Fields:  map[string]string{"address": h.address, "why": bmc.Why(h.err)},
	}}
}

// tellCritical says which sensors have turned critical. One that stays so is named once.
func (h *host) tellCritical(now time.Time) []provision.Event {
	critical := map[string]time.Time{}
	var turned []string
	for _, s := range h.criticals() {
		told, before := h.critical[s.Name]
		if critical[s.Name] = told; !before || told.IsZero() {
			turned = append(turned, s.Name)
		}
	}
	h.critical = critical
	if len(turned) == 0 || !h.toldSensor.IsZero() && now.Sub(h.toldSensor) < tellAgain {
		return nil // those that are not named yet are named later
	}
	h.toldSensor = now
	var texts []string
	for _, s := range h.criticals() {
		if slices.Contains(turned, s.Name) {
			critical[s.Name] = now
			texts = append(texts, named(s))
		}
	}
	if n := len(texts); n > mostNamed {
		texts = append(texts[:mostNamed], fmt.Sprintf("and %d more", n-mostNamed))
	}
	return []provision.Event{{
		Kind: "sensor-critical", Level: provision.LevelWarn, Message: "its BMC says critical: " + strings.Join(texts, ", "),
		Fields: map[string]string{"sensors": strings.Join(turned[:min(len(turned), mostNamed)], ", ")},
	}}
}
