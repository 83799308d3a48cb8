package preview

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/templates"
	"rackhand/templates/kickstart"
	"rackhand/templates/kickstart/engine"
)

// kickstart renders a host's Kickstart and checks it for its release and engine. The text
// is "" if the host has no Kickstart.
func (r *dryRun) kickstart(h *inventory.Host, secret func(string) (string, error)) (all []finding, text string) {
	text, where, err := r.render(h.Kickstart, h, secret)
	if err != nil {
		return unrendered("Kickstart", err, h), ""
	}
	found, err := checkRendered(h, text)
	if err != nil {
		return problemsOf(err, h), text
	}
	found = append(found, r.strangeDisks(h, text)...)
	lines := strings.Split(text, "\n")
	for _, p := range found {
		line := ""
		if p.Pos.Line >= 1 && p.Pos.Line <= len(lines) {
			line = strings.TrimSuffix(lines[p.Pos.Line-1], "\r")
		}
		if p.Severity == kickstart.Warning && atStandIn(line, p.Pos.Col) {
			continue // the value is secret, so it can't be checked
		}
		all = append(all, placed(p, line, where, h))
	}
	return all, text
}

// checkRendered checks a Kickstart for the release and the engine of a host's
// system.
func checkRendered(h *inventory.Host, text string) ([]*kickstart.Problem, error) {
	f, err := kickstart.ParseFor(h.Kickstart, []byte(text), kickstart.Release(h.System.Release))
	var broken *kickstart.Problem
	if err != nil && !errors.As(err, &broken) {
		return nil, err
	}
	if f == nil {
		f = &kickstart.File{Name: h.Kickstart}
	}
	var found []*kickstart.Problem
	if h.System.Release != "" {
		if found, err = kickstart.Check(f, kickstart.Release(h.System.Release)); err != nil {
			return nil, fmt.Errorf("its system %s: release: %w", h.System.Name, err)
		}
	}
	if broken != nil {
		// Warnings and limits of the engine can wait: they may go away with the problems.
		return append(kickstart.Errors(found), broken), nil
	}
	if h.System.Installer != inventory.InstallerImage {
		return found, nil
	}
	way := engine.Refuse
	if h.System.Skips() {
		way = engine.Skip
	}
	engine := engine.Read(f, way).Problems
	said := map[int]bool{}
	for _, p := range kickstart.Errors(found) {
		said[p.Pos.Line] = true
	}
	for _, p := range engine {
		if !said[p.Pos.Line] {
			found = append(found, p)
		}
	}
	return found, nil
}

// atStandIn reports whether the value at a column is a secret's stand-in.
func atStandIn(line string, col int) bool {
	r := []rune(line)
	if col < 1 || col > len(r) {
		return false
	}
	return strings.HasPrefix(strings.TrimLeft(string(r[col-1:]), `'"`), templates.StandIn)
}

// placed is a problem of a rendered Kickstart at its place in the template.
func placed(p *kickstart.Problem, line string, where *templates.Map, h *inventory.Host) finding {
	at := where.At(max(p.Pos.Line, 1), max(p.Pos.Col, 1))
	out := finding{
		Problem: problem.Problem{File: at.File, Line: at.Line, Column: at.Col, Message: standIn.ReplaceAllString(p.Message, templates.Mask), Hint: p.Hint, Text: showable(at.Text, line)},
		host:    h.Name, rendered: p.Pos.Line, warning: p.Severity == kickstart.Warning,
	}
	// The template doesn't show the value, so the rendered line is shown too.
	if strings.Contains(at.Text, "{{") {
		out.became = strings.TrimSpace(showable(line, line))
	}
	if at.File == "" { // the template writes nothing at all
		out.File = h.Kickstart
	}
	return out
}

// standIn is a secret's stand-in in a message, where it may have been cut.
var standIn = regexp.MustCompile(regexp.QuoteMeta(templates.StandIn[:20]) + "0*…?")

// passwords are in lines of these commands and options.
var passwords = regexp.MustCompile(`(?i)^\s*(rootpw|sshpw|user|realm|zfcp|vnc|rhsm)\b|pass(word|phrase|wd)?=|password|activation-key`)

// showable is a line of a template or of what it became, for a message; "" for one
// in which a password may stand as it is.
func showable(text, line string) string {
	if passwords.MatchString(line) || passwords.MatchString(text) {
		return ""
	}
	return problem.Printable(standIn.ReplaceAllString(text, templates.Mask))
}
