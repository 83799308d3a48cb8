package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/terminal"
)

// mostEvents is how many of a host's latest events are shown.
const mostEvents = 10

// Host writes everything that is known of one host: where it is and since when, what it is,
// its install, and its latest events, oldest first.
func Host(out io.Writer, h provision.HostStatus, events []provision.Event, now time.Time) error {
	stage, since := stageOf(h, now)
	if since != "-" {
		stage += ", for " + since
	}
	if err := terminal.Paint(out, terminal.Bold, h.Host+": "); err != nil {
		return err
	}
	if err := terminal.Paint(out, style(h, now), stage+"\n"); err != nil {
		return err
	}
	if text := last(h, now); text != "" {
		if _, err := io.WriteString(out, terminal.Indent("  ", text, terminal.Width(out))); err != nil {
			return err
		}
	}
	if h.Stuck != nil {
		fmt.Fprintln(out)
		if err := stuck(out, h.Stuck, now); err != nil {
			return err
		}
	}
	fmt.Fprintln(out)
	if err := facts(h, now).Write(out); err != nil {
		return err
	}
	if len(events) == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nlatest events")
	for _, e := range events[max(0, len(events)-mostEvents):] {
		if err := hostEvent(out, e, now); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\nmore: `rackhand watch %s --all`\n", h.Host)
	return err
}

// Unclaimed writes boxes that are not in the inventory, a row each.
func Unclaimed(out io.Writer, boxes []provision.HostStatus, now time.Time) error {
	if len(boxes) == 0 {
		_, err := fmt.Fprintln(out, "no unclaimed box was seen: power one on, and let it boot from the network;\n`rackhand doctor` shows what keeps boxes from booting")
		return err
	}
	table := &terminal.Table{Narrow: true, Head: []string{"MAC", "ADDRESS", "SEEN", "MAKER", "SWITCH PORT"}}
	bmcs := false
	for _, h := range boxes {
		seen := "-"
		if !h.LastSeen.IsZero() {
			seen = elapsed(h.LastSeen, now) + " ago"
		}
		maker := OneLine(h.Maker, 40)
		if h.ProbablyBMC != "" {
			maker, bmcs = "probably a BMC: "+OneLine(h.ProbablyBMC, 40), true
		}
		table.Add(OneLine(h.Host, 40), dash(h.Address), seen, dash(maker), dash(OneLine(h.SwitchPort, 80)))
	}
	if err := table.Write(out); err != nil {
		return err
	}
	next := "\nclaim one: `rackhand claim MAC NAME --group GROUP`"
	if bmcs {
		next += "\na BMC belongs to its host: `rackhand bmc add HOST --mac MAC`"
	}
	_, err := fmt.Fprintln(out, next)
	return err
}

// facts is the table of what is known of a host, a line each.
func facts(h provision.HostStatus, now time.Time) *terminal.Table {
	table := &terminal.Table{Narrow: true}
	add := func(name, text string) {
		if text != "" {
			table.Add(name, OneLine(text, mostText))
		}
	}
	add("address", h.Address)
	add("MAC", strings.Join(h.MACs, ", "))
	add("maker", h.Maker)
	add("group", h.Group)
	add("role", h.Role)
	add("system", h.System)
	add("rack", h.Rack)
	add("BMC", h.BMC)
	add("power", h.Power)
	if s := h.BMCState; s != nil {
		add("hottest sensor", s.Hottest)
		add("BMC says", strings.Join(s.Notes(now), "; "))
		if !s.Silent(now) && s.Error != "" {
			add("BMC", s.Error)
		}
	}
	add("switch port", h.SwitchPort)
	if !h.LastSeen.IsZero() {
		add("last seen", elapsed(h.LastSeen, now)+" ago")
	}
	add("install", installText(h.Install, now))
	if j := h.Job; j != nil {
		add(j.Noun(), fmt.Sprintf("%s: %s, since %s", j.ID, j.Stage, elapsed(j.Since(), now)))
	}
	if r := h.Run; r != nil {
		add("agent", fmt.Sprintf("%s, %s ago; %s", r.Status, elapsed(r.Received, now), Totals(r.Totals)))
	}
	add("agent's version", h.AgentVersion)
	if c := h.Certificate; c != nil {
		text := "until " + c.Expires.UTC().Format(time.DateOnly)
		if c.Revoked != "" {
			text = "revoked: " + c.Revoked
		}
		add("certificate", text)
	}
	return table
}

// installText is an install in one line: its id, its attempts and its time.
func installText(in *provision.Install, now time.Time) string {
	if in == nil {
		return ""
	}
	text := fmt.Sprintf("%s, attempt %d of %d", in.ID, in.Attempts, in.Budget.Attempts)
	if in.Armed && in.Attempts == 0 {
		text = in.ID + ", armed until " + in.Expires.Local().Format("15:04")
	}
	end := in.Ended
	if in.UnderWay() {
		end = now
	}
	if !in.PoweredOn.IsZero() && end.After(in.PoweredOn) {
		text += fmt.Sprintf(", %s of %s since power-on", provision.Span(end.Sub(in.PoweredOn).Truncate(time.Second)), provision.Span(in.Budget.Time))
	}
	if in.UnderWay() && in.Progress != "" {
		text += ": " + in.Progress
	}
	return text
}

// hostEvent writes an event of a host that is named above.
func hostEvent(out io.Writer, e provision.Event, now time.Time) error {
	_, style := level(e)
	at := e.Time.Local().Format("15:04:05")
	if now.Sub(e.Time) > 20*time.Hour {
		at = e.Time.Local().Format("2006-01-02 15:04")
	}
	head := fmt.Sprintf("  %s  %-9s ", at, e.Source)
	message := e.Message
	if e.Kind == provision.KindLogTail {
		message = fmt.Sprintf("the end of its installer's log was kept: `rackhand log %s`", e.Host)
	}
	if e.Kind == provision.KindConsoleTail {
		message = fmt.Sprintf("the end of its console was kept: `rackhand why %s` reads it", e.Host)
	}
	lines := terminal.Wrap(OneLine(message, mostText), len(head), terminal.Width(out))
	text := strings.TrimRight(head+lines[0], " ")
	// Lines after the first begin deeper: they have less room.
	if rest := strings.Join(lines[1:], " "); rest != "" {
		text += "\n" + strings.TrimRight(terminal.Indent("      ", rest, terminal.Width(out)), "\n")
	}
	return terminal.Paint(out, style, text+"\n")
}
