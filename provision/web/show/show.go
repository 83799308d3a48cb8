// Package show formats the appliance's answers to the operator as text for a
// terminal.
package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"rackhand/config/visible"
	"rackhand/provision"
	"rackhand/provision/terminal"
)

// mostText bounds a text of a host or of an event, in characters.
const mostText = 500

// Status writes the present problems, and a row for each host.
func Status(out io.Writer, st provision.Status, now time.Time) error {
	if err := problems(out, st.Problems); err != nil {
		return err
	}
	if len(st.Hosts) == 0 {
		_, err := fmt.Fprintln(out, "There are no hosts yet: power a box on, and `rackhand claim` lists it; or add hosts to the inventory.")
		return err
	}
	// The column is there if a relay has reported a port: most racks have no relay. A narrow
	// terminal has the ports below the rows.
	ports := slices.ContainsFunc(st.Hosts, func(h provision.HostStatus) bool { return h.SwitchPort != "" })
	table := hosts(st.Hosts, ports, now)
	if ports && table.Fixed() > terminal.Width(out) {
		table = hosts(st.Hosts, false, now)
	}
	if err := table.Write(out); err != nil {
		return err
	}
	if err := links(out, st.Links); err != nil {
		return err
	}
	if st.Database.Bytes > 0 {
		fmt.Fprintf(out, "\nDatabase: %s\n", st.Database)
	}
	return nil
}

func problems(out io.Writer, all []string) error {
	for _, p := range all {
		// A place in a file comes first: lines that begin deeper belong to it.
		if err := terminal.Paint(out, terminal.Bad, visible.Text(p)+"\n"); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		fmt.Fprintf(out, "Problems: %d\n\n", len(all))
	}
	return nil
}

// links writes what several hosts on one link have in common.
func links(out io.Writer, all []provision.LinkStuck) error {
	for _, l := range all {
		fmt.Fprintf(out, "\n%s: %d hosts stopped at the same place\n", OneLine(l.Link, 80), len(l.Hosts))
		for _, c := range append([]terminal.Cell{{Text: strings.Join(l.Hosts, ", ")}}, cause(l.Stuck)...) {
			if err := terminal.Paint(out, c.Style, terminal.Indent("    ", c.Text, terminal.Width(out))); err != nil {
				return err
			}
		}
	}
	return nil
}

// hosts is the table of all hosts, perhaps with a column of their switch ports.
func hosts(all []provision.HostStatus, ports bool, now time.Time) *terminal.Table {
	table := &terminal.Table{Narrow: true, Head: []string{"HOST", "ADDRESS", "STAGE", "SINCE", "POWER"}}
	if ports {
		table.Head = append(table.Head, "SWITCH PORT")
	}
	table.Head = append(table.Head, "LAST")
	for _, h := range all {
		stage, since := stageOf(h, now)
		row := terminal.Row{Cells: []terminal.Cell{
			{Text: h.Host}, {Text: dash(h.Address)}, {Text: stage, Style: style(h, now)}, {Text: since}, {Text: dash(h.Power)},
		}}
		port := OneLine(h.SwitchPort, 40)
		if ports {
			row.Cells = append(row.Cells, terminal.Cell{Text: dash(port)})
		} else if port != "" {
			row.Below = append(row.Below, terminal.Cell{Text: "switch port " + port, Style: terminal.Faint})
		}
		row.Cells = append(row.Cells, terminal.Cell{Text: last(h, now)})
		if h.ProbablyBMC != "" {
			row.Below = append(row.Below, terminal.Cell{Text: fmt.Sprintf("probably a BMC (%s): `%s`", OneLine(h.ProbablyBMC, 40), h.AddCommand())})
		}
		if h.Stuck != nil {
			row.Below = append(row.Below, cause(h.Stuck)...)
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// stageOf is where a host is, and for how long.
func stageOf(h provision.HostStatus, now time.Time) (stage, since string) {
	stage, since = "not installed", "-"
	switch {
	case h.Unclaimed:
		stage = "unclaimed"
		if h.ProbablyBMC != "" {
			stage = "unclaimed BMC"
		}
		if !h.LastSeen.IsZero() {
			since = elapsed(h.LastSeen, now)
		}
	case h.Install != nil:
		stage = string(h.Install.Stage)
		if t, ok := h.Install.Reached[h.Install.Stage]; ok {
			since = elapsed(t, now)
		}
	}
	if h.Standing(now) == provision.StandsStuck {
		stage += ", stuck"
	}
	if text, at := standing(h); text != "" {
		stage, since = text, elapsed(at, now)
	}
	return stage, since
}

// style is the colour of a host's stage.
func style(h provision.HostStatus, now time.Time) terminal.Style {
	switch h.Standing(now) {
	case provision.StandsFailed:
		return terminal.Bad
	case provision.StandsStuck, provision.StandsOver, provision.StandsNeedsLook, provision.StandsUnclaimed:
		return terminal.Warn
	case provision.StandsServing:
		return terminal.Good
	}
	return terminal.Plain
}

// last is what is to be known of a host first: a question to the operator, its failure, what
// its agent needs, its latest event.
func last(h provision.HostStatus, now time.Time) string {
	var texts []string
	in := h.Install
	if h.Standing(now) == provision.StandsOver {
		late := in
		if h.Job.UnderWay() {
			late = h.Job
		}
		texts = append(texts, "over its budget of "+provision.Span(late.Budget.Time))
	}
	if h.Place != "" {
		texts = append(texts, fmt.Sprintf("the box has booted again, and is at %s", h.Place))
	}
	switch {
	case in.UnderWay() && in.Held != nil:
		return OneLine(fmt.Sprintf("waits for `rackhand release %s`: %s", h.Host, in.Held), mostText)
	case in.UnderWay() && in.Doubt != "":
		texts = append(texts, "is it installed? "+in.Doubt)
	case in != nil && in.Stage == provision.Failed && in.Reason != "":
		texts = append(texts, in.Reason)
	case in.UnderWay() && h.Stuck != nil && h.Stuck.Last != nil:
		texts = append(texts, OneLine(h.Stuck.Last.Text, mostStuckLast))
	case in.UnderWay() && h.Stuck != nil:
		texts = append(texts, "nothing was heard of the box")
	case h.Last != nil:
		texts = append(texts, h.Last.Message)
	}
	return OneLine(strings.Join(append(h.Notes(now), texts...), "; "), mostText)
}

// Event writes an event as one line; on a terminal as several, if it is too long.
func Event(out io.Writer, e provision.Event) error {
	const below = "           " // under the mark
	mark, style := level(e)
	head := fmt.Sprintf("%s %s %-12s %-10s %-9s ", e.Time.Local().Format("15:04:05"), mark, dash(e.Host), dash(string(e.Stage)), e.Source)
	text := OneLine(e.Message, 2000)
	if width := terminal.Columns(out); width > 0 && len([]rune(head+text)) > width {
		lines := terminal.Wrap(text, len([]rune(head))-len(below), width-len(below))
		text = strings.Join(lines, "\n"+below)
	}
	return terminal.Paint(out, style, head+text+"\n")
}

// level is the mark and the style of an event, by its level.
func level(e provision.Event) (mark string, style terminal.Style) {
	switch e.Level {
	case provision.LevelWarn:
		return "!", terminal.Warn
	case provision.LevelError:
		return "X", terminal.Bad
	}
	return " ", terminal.Plain
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
			since = provision.Span(t.Sub(in.PoweredOn))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", s, provision.Span(t.Sub(before)), since)
		before = t
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if in.Stage == provision.Serving {
		took := in.Ended.Sub(in.PoweredOn)
		fmt.Fprintf(out, "%s: from power-on to serving in %s, of a budget of %s (%d%%)\n",
			in.Host, provision.Span(took), provision.Span(in.Budget.Time), 100*took/max(in.Budget.Time, 1))
	} else {
		fmt.Fprintf(out, "%s: %s: %s\n", in.Host, in.Stage, OneLine(cmp.Or(in.Reason, "no reason is known"), 2000))
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

// elapsed is the time since a moment, in whole seconds.
func elapsed(since, now time.Time) string {
	return provision.Span(now.Sub(since).Truncate(time.Second))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
