package provision_test

import (
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

func TestMayHaveScript(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	at := func(s provision.Stage, spoke time.Duration) provision.Install {
		in := provision.Install{Stage: s, Reached: map[provision.Stage]time.Time{s: ago(time.Hour)}}
		if spoke > 0 {
			in.InstallerHeard = ago(spoke)
		}
		return in
	}
	gaveUp := at(provision.Packages, 2*time.Minute)
	gaveUp.GaveUp = true
	for name, tc := range map[string]struct {
		in      provision.Install
		booted  time.Time
		waits   bool
		refused string
		warn    string
	}{
		"it boots":                       {in: at(provision.Addressed, 0), booted: ago(time.Minute)},
		"it was never heard":             {in: at(provision.Requested, 0), refused: "no DHCP REQUEST"},
		"it was heard an hour ago":       {in: at(provision.Requested, 0), booted: ago(time.Hour), refused: "1 h ago"},
		"it has waited since":            {in: at(provision.Addressed, 0), booted: ago(time.Hour), waits: true},
		"who waits was never heard":      {in: at(provision.Addressed, 0), waits: true, refused: "no DHCP REQUEST"},
		"its installer speaks":           {in: at(provision.Packages, time.Second), booted: ago(5 * time.Minute), refused: "its installer was heard after"},
		"its installer spoke, and waits": {in: at(provision.Packages, time.Second), booted: ago(5 * time.Minute), waits: true, refused: "its installer was heard after"},
		"it lost its power":              {in: at(provision.Packages, 3*time.Minute), booted: ago(time.Minute), warn: "2 min after its installer"},
		"its attempt has failed":         {in: gaveUp, booted: ago(time.Minute)},
		"its log alone was heard":        {in: at(provision.Packages, 0), booted: ago(time.Hour), refused: "ago"},
		"its log alone, then it boots":   {in: at(provision.Packages, 0), booted: ago(time.Minute), warn: "59 min after"},
	} {
		refused, warn := tc.in.MayHaveScript(tc.booted, now, tc.waits)
		if (refused == "") != (tc.refused == "") || !strings.Contains(refused, tc.refused) || (warn == "") != (tc.warn == "") || !strings.Contains(warn, tc.warn) {
			t.Errorf("%s: refused %q, warned %q", name, refused, warn)
		}
	}
}
