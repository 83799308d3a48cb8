package bmc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A ReportPart is one kind of the facts that can be read of a BMC.
type ReportPart string

// The parts of a report.
const (
	PartPower   ReportPart = "power"
	PartBoot    ReportPart = "boot"
	PartInfo    ReportPart = "info"
	PartNetwork ReportPart = "network"
	PartSensors ReportPart = "sensors"
	PartLog     ReportPart = "log"
	PartUsers   ReportPart = "users"
)

// Bounds on a report, whatever a BMC says.
const (
	maxReported = 512 // sensors, accounts, parts of the box
	maxText     = 200 // bytes of a text
)

// A Report is what was read of a BMC in one session. A part that is not there was not asked
// for, or Missing says why.
type Report struct {
	At      time.Time  `json:"at,omitzero"`
	Power   string     `json:"power,omitempty"`  // on, off, changing
	Faults  []string   `json:"faults,omitempty"` // of the box's power, in words
	Boot    *Override  `json:"boot,omitempty"`
	Info    *Info      `json:"info,omitempty"`
	Network *Network   `json:"network,omitempty"`
	Sensors []Sensor   `json:"sensors,omitempty"`
	Log     *LogState  `json:"log,omitempty"`
	Entries []LogEntry `json:"entries,omitempty"` // the latest of the log, oldest first
	Users   []Account  `json:"users,omitempty"`
	// Missing says by part why it could not be read, in words.
	Missing map[ReportPart]string `json:"missing,omitempty"`
}

// An Override is a boot override in a report.
type Override struct {
	Device     BootDevice `json:"device"`
	Valid      bool       `json:"valid"` // false: spent, expired or never set
	Persistent bool       `json:"persistent"`
	EFI        bool       `json:"efi"`
	Text       string     `json:"text"` // for people
}

// OverrideOf describes a boot override.
func OverrideOf(b Boot) *Override {
	return &Override{b.Device, b.Valid, b.Persistent, b.EFI, clip(b.String())}
}

// Read reads parts of a BMC; entries is how many of the log's. A part that the BMC can't give
// or refuses is noted in the report. A BMC that falls silent ends it: the report has the parts
// until then, and the error says why.
func Read(ctx context.Context, s Session, entries int, parts ...ReportPart) (Report, error) {
	var r Report
	for _, p := range parts {
		err := r.read(ctx, s, entries, p)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return r, ctx.Err()
		case lost(err):
			return r, err
		}
		if r.Missing == nil {
			r.Missing = map[ReportPart]string{}
		}
		r.Missing[p] = clip(short(err))
	}
	return r, nil
}

func (r *Report) read(ctx context.Context, s Session, entries int, p ReportPart) (err error) {
	switch p {
	case PartPower:
		st, err := s.Status(ctx)
		if err != nil {
			return err
		}
		r.Power, r.Faults = st.State(), st.Faults()
		if st.Changing {
			r.Power = "changing"
		}
	case PartBoot:
		b, err := s.Boot(ctx)
		if err != nil {
			return err
		}
		r.Boot = OverrideOf(b)
	case PartInfo:
		i, err := s.Info(ctx)
		if err != nil {
			return err
		}
		i.bound()
		r.Info = &i
	case PartNetwork:
		n, err := s.Network(ctx)
		if err != nil {
			return err
		}
		r.Network = &n
	case PartSensors:
		r.Sensors, err = s.Sensors(ctx)
		r.Sensors = boundAll(r.Sensors, maxReported, func(x *Sensor) []*string { return []*string{&x.Name, &x.Unit, &x.State} })
	case PartLog:
		st, err := s.LogState(ctx)
		if err == nil {
			r.Log = &st
		}
		if entries > 0 {
			var failed error
			r.Entries, failed = s.Log(ctx, entries)
			r.Entries = boundAll(r.Entries, entries, func(x *LogEntry) []*string { return []*string{&x.ID, &x.Sensor, &x.Text} })
			err = errors.Join(err, failed)
		}
		return err
	case PartUsers:
		r.Users, err = s.Users(ctx)
		r.Users = boundAll(r.Users, maxReported, func(x *Account) []*string { return []*string{&x.ID, &x.Name} })
	}
	return err
}

// Faults are the faults of the box's power, in words.
func (s Status) Faults() []string {
	var out []string
	for _, f := range []struct {
		is   bool
		text string
	}{
		{s.PowerFault, "fault in the main power"},
		{s.ControlFault, "the box didn't enter the power state that the BMC wanted"},
		{s.Overload, "switched off because of an overload"},
		{s.Interlock, "off because a chassis panel is open"},
	} {
		if f.is {
			out = append(out, f.text)
		}
	}
	return out
}

// lost reports whether the BMC doesn't answer any more, so that further questions are in vain.
func lost(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrSilent) || errors.Is(err, context.DeadlineExceeded)
}

// short is an error's cause without the operation and the BMC, which its place names.
func short(err error) string {
	var e *Error
	if errors.Is(err, ErrUnsupported) || !errors.As(err, &e) {
		return err.Error()
	}
	if e.Err != nil {
		return e.Kind.Error() + ": " + e.Err.Error()
	}
	return e.Kind.Error()
}

func (i *Info) bound() {
	for _, text := range []*string{&i.Maker, &i.Model, &i.Serial, &i.Asset, &i.UUID, &i.BIOS, &i.BMC} {
		*text = clip(*text)
	}
	i.Parts = boundAll(i.Parts, maxReported, func(p *Part) []*string { return []*string{&p.Name, &p.Maker, &p.Model, &p.Serial} })
}

// boundAll keeps the last of a list, and clips their texts.
func boundAll[T any](all []T, most int, texts func(*T) []*string) []T {
	all = all[max(0, len(all)-most):]
	for i := range all {
		for _, text := range texts(&all[i]) {
			*text = clip(*text)
		}
	}
	return all
}

// clip cuts a text to its bound, at the end of a character.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.Clone(text[:cut]) + "…"
}

// String says how full an event log is, for people.
func (l LogState) String() string {
	text := fmt.Sprintf("%d entries", l.Entries)
	if l.Percent >= 0 {
		text += fmt.Sprintf(", %d%% full", l.Percent)
	}
	if l.Full {
		text += ", FULL: further entries are lost"
	}
	return text
}

// Reading is the sensor's value for people: "54 C", "present".
func (s Sensor) Reading() string {
	if s.Unit == "" && s.State != "" {
		return s.State
	}
	text := strings.TrimSpace(strconv.FormatFloat(s.Value, 'f', -1, 64) + " " + s.Unit)
	if s.State != "" {
		text += " (" + s.State + ")"
	}
	return text
}

// Hottest returns the temperature sensor with the highest value; false without one.
func Hottest(sensors []Sensor) (hottest Sensor, ok bool) {
	for _, s := range sensors {
		if s.Kind == "temperature" && (!ok || s.Value > hottest.Value) {
			hottest, ok = s, true
		}
	}
	return hottest, ok
}

// CriticalSensors returns the sensors whose health is critical.
func CriticalSensors(sensors []Sensor) []Sensor {
	var out []Sensor
	for _, s := range sensors {
		if s.Health == Critical {
			out = append(out, s)
		}
	}
	return out
}
