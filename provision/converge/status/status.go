// Package status shows people and programs what an agent's files say of it.
package status

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"rackhand/provision/catalog"
)

// A Status is what an agent's files say of it.
type Status struct {
	Host      string   `json:"host"`
	Appliance string   `json:"appliance"`
	Running   bool     `json:"running"` // a run is under way
	Last      *LastRun `json:"last_run,omitempty"`
	// LastAge is how long ago the latest run ended, in seconds.
	LastAge float64 `json:"last_run_age,omitempty"`
	// Next is when the daemon's next run is due; zero when no daemon runs.
	Next time.Time `json:"next_run,omitzero"`
	// Catalog is the version of the catalog kept on the host, CatalogAge how long ago the
	// appliance confirmed it, in seconds.
	Catalog    string  `json:"catalog,omitempty"`
	CatalogAge float64 `json:"catalog_age,omitempty"`
	// Pending are the services whose restart or reload is due, with the resources whose
	// change that is due to.
	Pending map[string][]string `json:"pending,omitempty"`
	// Opens is when the maintenance window opens that they wait for; zero when they don't.
	Opens    time.Time         `json:"window_opens,omitzero"`
	Disabled *catalog.Disabled `json:"disabled,omitempty"`
	// Certificate is when the host's certificate expires; zero when it has none.
	Certificate time.Time `json:"certificate_expires,omitzero"`
	Unsent      int       `json:"unsent_reports,omitempty"`
	Problems    []string  `json:"problems,omitempty"`
}

// A LastRun is the latest run.
type LastRun struct {
	At      time.Time `json:"at"` // its end, by the host's clock
	Status  string    `json:"status"`
	Version string    `json:"version,omitempty"` // of the catalog
	Error   string    `json:"error,omitempty"`
	Order   string    `json:"order,omitempty"`
	Tags    []string  `json:"tags,omitempty"` // it was limited to
	// Boot and Up are At as boot and time since that boot.
	Boot string        `json:"boot,omitempty"`
	Up   time.Duration `json:"up,omitempty"`
}

// Write writes a status for people; now is the host's time.
func (s Status) Write(w io.Writer, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(key, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", key, oneLine(fmt.Sprintf(format, args...)))
	}
	line("host", "%s, of %s", s.Host, s.Appliance)
	switch {
	case s.Last == nil:
		line("last run", "none yet")
	case s.Last.Error != "":
		line("last run", "%s ago, %s: %s", about(s.LastAge), s.Last.Status, s.Last.Error)
	default:
		line("last run", "%s ago, %s", about(s.LastAge), s.Last.Status)
	}
	switch {
	case s.Running:
		line("next run", "a run is under way")
	case s.Next.IsZero():
		line("next run", "no daemon runs: look at systemctl status rackhand-agent")
	default:
		line("next run", "in %s", about(max(0, s.Next.Sub(now).Seconds())))
	}
	if s.Catalog == "" {
		line("catalog", "none yet")
	} else {
		line("catalog", "%s, confirmed by the appliance %s ago", s.Catalog, about(s.CatalogAge))
	}
	for _, id := range slices.Sorted(maps.Keys(s.Pending)) {
		when := "next run"
		if !s.Opens.IsZero() {
			when = "window that opens in " + about(s.Opens.Sub(now).Seconds())
		}
		line("pending", "%s, since %s changed, at the %s", id, strings.Join(s.Pending[id], ", "), when)
	}
	if d := s.Disabled; d != nil {
		line("disabled", "for another %s, until %s, because: %s", about(d.Left), d.Until.Local().Format("2 Jan 2006 15:04 MST"), d.Reason)
	} else {
		line("disabled", "no")
	}
	switch left := s.Certificate.Sub(now); {
	case s.Certificate.IsZero():
		line("certificate", "none: not enrolled")
	case left <= 0:
		line("certificate", "expired %s ago", about(-left.Seconds()))
	default:
		line("certificate", "expires in %s, on %s", about(left.Seconds()), s.Certificate.UTC().Format(time.DateOnly))
	}
	if s.Unsent > 0 {
		line("reports", "%d wait for the appliance", s.Unsent)
	}
	for _, p := range s.Problems {
		line("problem", "%s", p)
	}
	return t.Flush()
}

// about is a time in seconds in its largest unit, rounded down: 42 s, 3 h, 12 days.
func about(seconds float64) string {
	s := int64(max(0, seconds))
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min", s/60)
	case s < 2*24*3600:
		return fmt.Sprintf("%d h", s/3600)
	}
	return fmt.Sprintf("%d days", s/(24*3600))
}

// oneLine makes text fit for a terminal: nothing in it moves the cursor.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}
