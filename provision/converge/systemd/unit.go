// Package systemd judges units by the output of systemctl show: whether they are
// healthy, and whether they are enabled. It runs nothing and reads no file.
package systemd

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Unit is what systemd says of a unit (org.freedesktop.systemd1(5)). Asked for by an
// alias (Debian's nfs-kernel-server), it is the unit behind.
type Unit struct {
	ID           string `show:"Id"` // its own name: systemctl refuses to enable by some aliases
	LoadState    string // loaded, not-found, masked, error, bad-setting
	ActiveState  string // active, inactive, failed, activating, ...
	SubState     string // running, exited, auto-restart, listening, waiting, ...
	Result       string // success, exit-code, timeout, ...
	Type         string // of a service: simple, oneshot, forking, ...
	FileState    string `show:"UnitFileState"` // enabled, disabled, static, ...; "" when there is no file
	FragmentPath string // the unit's file
	DropInPaths  string // separated by spaces
	SourcePath   string // what a generator made it of: /etc/init.d/x
	Triggers     string // the units that a timer, socket or path starts, separated by spaces
	// What the last main process left: ExecMainCode is a CLD_ code of waitid(2),
	// ExecMainStatus the exit status or the signal.
	ExecMainPID, ExecMainCode, ExecMainStatus int
	// Restarts is how often systemd has restarted it because of Restart=.
	Restarts int `show:"NRestarts"`
	// Started and Since are when its main process was last started and when it last
	// became active, in µs since the boot; 0 for never.
	Started int64 `show:"ExecMainStartTimestampMonotonic"`
	Since   int64 `show:"ActiveEnterTimestampMonotonic"`
	// Conditions is when its conditions were last looked at, in µs since the boot.
	Conditions      int64  `show:"ConditionTimestampMonotonic"`
	ConditionResult string // yes, no
	// NeedDaemonReload is yes if its files have changed since systemd read them.
	NeedDaemonReload string
}

// fields are the properties that a Unit keeps, by the order of its fields.
func fields() []string {
	t := reflect.TypeFor[Unit]()
	names := make([]string, t.NumField())
	for i := range names {
		if names[i] = t.Field(i).Tag.Get("show"); names[i] == "" {
			names[i] = t.Field(i).Name
		}
	}
	return names
}

// Properties are those to ask for, as systemctl show --property= takes them.
func Properties() string { return strings.Join(fields(), ",") }

// Parse reads what systemctl show says of units: a line for each property, an empty
// line between two units. They stand in the order in which they were asked for.
func Parse(text string) ([]Unit, error) {
	var units []Unit
	names := fields()
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.TrimSpace(block) == "" {
			continue
		}
		var u Unit
		v := reflect.ValueOf(&u).Elem()
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
			i := slices.Index(names, key)
			if i < 0 {
				continue
			}
			switch f := v.Field(i); f.Kind() {
			case reflect.String:
				f.SetString(value)
			default:
				n, err := strconv.ParseInt(value, 10, 64)
				if err != nil || n < 0 {
					n = 0 // "[not set]"
				}
				f.SetInt(n)
			}
		}
		if u.ID == "" || u.ActiveState == "" {
			return nil, fmt.Errorf("systemctl show names no unit or no state in %.200q", block)
		}
		units = append(units, u)
	}
	return units, nil
}
