package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/terminal"
)

// Why writes why a host is stuck, the events that show it, and what to do.
func Why(out io.Writer, r provision.WhyReply, now time.Time) error {
	h := r.Host
	text := fmt.Sprintf("%s: %s", h.Host, h.Standing(now))
	if stage := reached(h.Install); stage != "" {
		text += fmt.Sprintf(", at %s", stage)
	}
	if h.Place != "" {
		text += fmt.Sprintf("; the box is at %s again", h.Place)
	}
	if err := terminal.Paint(out, terminal.Bold, text+"\n"); err != nil {
		return err
	}
	if h.Stuck == nil && h.Unclaimed {
		what := "It is not in the inventory, so it is never installed."
		if h.ProbablyBMC != "" {
			what = fmt.Sprintf("It is probably a BMC (%s), and in no host of the inventory.", OneLine(h.ProbablyBMC, 40))
		}
		_, err := fmt.Fprintf(out, "%s\n`%s` adds it.\n", what, h.AddCommand())
		return err
	}
	if h.Stuck == nil && h.Standing(now) == provision.StandsWaiting {
		_, err := io.WriteString(out, "Nothing was heard of it since. Power it on, and let it boot from the network.\n")
		return err
	}
	if h.Stuck == nil {
		_, err := io.WriteString(out, "Nothing is wrong with it, as far as the journal shows.\n")
		return err
	}
	if err := stuck(out, h.Stuck, now); err != nil {
		return err
	}
	for i, e := range r.Evidence {
		name := "evidence"
		if i > 0 {
			name = ""
		}
		err := stuckRow(out, terminal.Faint, name, fmt.Sprintf("%d %s %s %s: %s", e.Seq, e.Time.Local().Format(time.TimeOnly), e.Source, e.Kind, OneLine(e.Message, 400)))
		if err != nil {
			return err
		}
	}
	return nil
}

// reached is the stage that an install is at, or had reached when it failed; empty for one
// that ended in another way.
func reached(in *provision.Install) provision.Stage {
	switch {
	case in.UnderWay():
		return in.Stage
	case in != nil && in.Stage == provision.Failed:
		return in.Furthest()
	}
	return ""
}

// mostStuckLast is how much is shown of the last thing that a stuck box did: the cause and the
// evidence, which say more, stand beside it.
const mostStuckLast = 160

// stuck writes a diagnosis: when, the last act of the box, what should have come, causes and
// remedy.
func stuck(out io.Writer, s *provision.Stuck, now time.Time) error {
	type row struct {
		style      terminal.Style
		name, text string
	}
	rows := []row{{"", "since", s.Since.Local().Format(time.DateTime) + ", " + elapsed(s.Since, now) + " ago"}}
	if len(s.Boxes) > 0 {
		rows = append(rows, row{"", "boxes", strings.Join(s.Boxes, ", ") + ", all on " + s.Link})
	}
	last := row{"", "last", "nothing was heard of the box"}
	if s.Last != nil {
		last.text = s.Last.Time.Local().Format(time.TimeOnly) + " " + OneLine(s.Last.Text, mostStuckLast)
	}
	rows = append(rows, last)
	if e := s.Expected; e != nil {
		text := e.Text
		if !e.By.IsZero() {
			text += ", by " + e.By.Local().Format(time.TimeOnly)
		}
		rows = append(rows, row{"", "expected", text})
	}
	for i, c := range s.Causes {
		name := "cause"
		if i > 0 {
			name = "or"
		}
		rows = append(rows, row{terminal.Warn, name, c.Text})
		if c.Decider != "" {
			rows = append(rows, row{"", "", c.Decider})
		}
	}
	rows = append(rows, row{terminal.Bold, "remedy", s.Remedy.Text})
	if s.Remedy.Command != "" {
		rows = append(rows, row{terminal.Bold, "", s.Remedy.Command})
	}
	for _, r := range rows {
		if err := stuckRow(out, r.style, r.name, r.text); err != nil {
			return err
		}
	}
	return nil
}

func stuckRow(out io.Writer, style terminal.Style, name, text string) error {
	head := fmt.Sprintf("  %-9s ", name)
	lines := terminal.Wrap(OneLine(text, 2000), 0, terminal.Width(out)-len(head))
	if _, err := io.WriteString(out, head); err != nil {
		return err
	}
	return terminal.Paint(out, style, strings.Join(lines, "\n"+strings.Repeat(" ", len(head)))+"\n")
}

// cause is why a host is stuck, and the remedy, as short texts below its row.
func cause(s *provision.Stuck) []terminal.Cell {
	return []terminal.Cell{{Text: OneLine(s.Cause(), 2000), Style: terminal.Warn}, {Text: OneLine(s.Remedy.String(), 2000), Style: terminal.Bold}}
}
