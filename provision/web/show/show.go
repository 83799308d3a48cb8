// Package show formats the appliance's answers to the operator as text for a
// terminal.
package show

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"rackhand/config/visible"
	"rackhand/provision"
)

// Status writes a line for each host, and the present problems.
func Status(out io.Writer, st provision.Status, now time.Time) error {
	for _, p := range st.Problems {
		fmt.Fprintln(out, visible.Text(fmt.Sprint(p)))
	}
	if len(st.Problems) > 0 {
		fmt.Fprintf(out, "Problems: %d\n\n", len(st.Problems))
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	// The column is there if a relay has reported a port: most racks have no relay.
	ports := slices.ContainsFunc(st.Hosts, func(h provision.HostStatus) bool { return h.SwitchPort != "" })
	header := "HOST\tADDRESS\tSTAGE\tSINCE\tPOWER\t"
	if ports {
		header += "SWITCH PORT\t"
	}
	fmt.Fprintln(w, header+"LAST")
	for _, h := range st.Hosts {
		stage, since := "-", "-"
		switch {
		case h.Unclaimed:
			stage = "unclaimed"
		case h.Install != nil:
			stage = string(h.Install.Stage)
			if t, ok := h.Install.Reached[h.Install.Stage]; ok {
				since = ago(now.Sub(t))
			}
		}
		if text, at := standing(h); text != "" {
			stage, since = text, ago(now.Sub(at))
		}
		last := ""
		if h.Last != nil {
			last = OneLine(h.Last.Message, 80)
		}
		if h.Install.UnderWay() && h.Install.Doubt != "" {
			last = OneLine("is it installed? "+h.Install.Doubt, 80)
		}
		if h.Install.UnderWay() && h.Install.Held != nil {
			last = OneLine(fmt.Sprintf("waits for `rackhand release %s`: %s", h.Host, h.Install.Held), 240)
		}
		if notes := h.Notes(now); len(notes) > 0 {
			if last != "" {
				notes = append(notes, last)
			}
			last = OneLine(strings.Join(notes, "; "), 240)
		}
		if ports {
			last = dash(OneLine(h.SwitchPort, 40)) + "\t" + last
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", h.Host, dash(h.Address), stage, since, dash(h.Power), last)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if st.Database.Bytes > 0 {
		fmt.Fprintf(out, "\nDatabase: %s\n", st.Database)
	}
	return nil
}

// Event writes an event as one line.
func Event(e provision.Event) string {
	mark := " "
	switch e.Level {
	case provision.LevelWarn:
		mark = "!"
	case provision.LevelError:
		mark = "X"
	}
	return fmt.Sprintf("%s %s %-12s %-10s %-9s %s", e.Time.Local().Format("15:04:05"), mark,
		dash(e.Host), dash(string(e.Stage)), e.Source, OneLine(e.Message, 240))
}

// Stages writes the table of an install's stages with the time each took and the
// time since power-on, against the budget.
func Stages(out io.Writer, in provision.Install) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "stage\ttook\tsince power-on\t")
	before := in.Requested
	for _, s := range append(provision.Stages(), provision.Failed, provision.Cancelled) {
		t, ok := in.Reached[s]
		if !ok {
			continue
		}
		since := "-"
		if !in.PoweredOn.IsZero() && !t.Before(in.PoweredOn) {
			since = seconds(t.Sub(in.PoweredOn))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", s, seconds(t.Sub(before)), since)
		before = t
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if in.Stage == provision.Serving {
		took := in.Ended.Sub(in.PoweredOn)
		fmt.Fprintf(out, "%s: from power-on to serving in %s, of a budget of %s (%d%%)\n",
			in.Host, seconds(took), in.Budget.Time, 100*took/max(in.Budget.Time, 1))
	} else {
		fmt.Fprintf(out, "%s: %s: %s\n", in.Host, in.Stage, OneLine(in.Reason, 2000))
	}
	return nil
}

// OneLine makes text from outside fit for a terminal: one line, every character
// visible, at most limit characters.
func OneLine(s string, limit int) string {
	s = visible.Text(strings.NewReplacer("\n", " ", "\t", " ").Replace(s))
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit-1]) + "…"
	}
	return s
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func ago(d time.Duration) string {
	return d.Round(time.Second).String()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
