package preview

import (
	"fmt"
	"strings"

	"rackhand/config/problem"
	"rackhand/inventory"
)

// maxFindings bounds the different problems that are shown, and as many warnings: people
// don't read more.
const maxFindings = 200

// maxBecame bounds the part of a rendered line that is shown, in characters.
const maxBecame = 120

// A finding is a problem or warning of one host's dry run. Its text has hostWord in place of
// the host's name, so that equal findings of many hosts have equal texts.
type finding struct {
	problem.Problem
	host    string
	warning bool
	// ofHost: its only place is that of the host.
	ofHost bool
	// rendered is the number of the line in the rendered text, or 0. became is its text, or
	// "" if the template's line shows the same.
	rendered int
	became   string
}

// hostWord stands for the host's name in a message; a name can't be that.
const hostWord = "HOST"

// withoutHost puts hostWord in the place of the host's name where it is named as
// such.
func withoutHost(message string, h *inventory.Host) string {
	for _, before := range []string{"host ", "of "} {
		for _, after := range []string{":", " ", "\"", ",", ")"} {
			message = strings.ReplaceAll(message, before+h.Name+after, before+hostWord+after)
		}
	}
	return message
}

// same is the key of findings that are shown as one.
type same struct {
	file, message, hint string
	line, column        int
	warning             bool
}

// A findingGroups groups the findings of many hosts: equal ones become one.
type findingGroups struct {
	order []*several
	known map[same]*several
	more  [2]int // problems and warnings beyond maxFindings
	count [2]int
}

// several is one finding of several hosts.
type several struct {
	finding
	hosts int
	last  string
}

func (g *findingGroups) add(found []finding) {
	for _, f := range found {
		key := same{f.File, f.Message, f.Hint, f.Line, f.Column, f.warning}
		if f.ofHost {
			key.file, key.line, key.column = "", 0, 0
		}
		if s := g.known[key]; s != nil {
			if s.last != f.host {
				s.hosts, s.last = s.hosts+1, f.host
			}
			continue
		}
		kind := 0
		if f.warning {
			kind = 1
		}
		if g.count[kind]++; g.count[kind] > maxFindings {
			g.more[kind]++
			continue
		}
		if g.known == nil {
			g.known = map[same]*several{}
		}
		s := &several{finding: f, hosts: 1, last: f.host}
		g.known[key] = s
		g.order = append(g.order, s)
	}
}

// problems are the groups as they are shown.
func (g *findingGroups) problems() (problems, warnings inventory.Problems) {
	for _, s := range g.order {
		p := s.Problem
		p.Message = strings.ReplaceAll(p.Message, hostWord, s.host) + s.notes()
		if s.warning {
			p.Message = "warning: " + p.Message
			warnings = append(warnings, p)
		} else {
			problems = append(problems, p)
		}
	}
	more := func(ps inventory.Problems, n int, what string) inventory.Problems {
		if n == 0 {
			return ps
		}
		last := ps[len(ps)-1]
		return append(ps, problem.Problem{
			File: last.File, Line: last.Line, Column: last.Column,
			Message: fmt.Sprintf("and more %s: %d", what, n), Hint: "mend those above first",
		})
	}
	return more(problems, g.more[0], "problems"), more(warnings, g.more[1], "warnings")
}

// notes say where a finding is in the rendered text, and which hosts have it.
func (s *several) notes() string {
	var notes []string
	if s.rendered > 0 {
		notes = append(notes, fmt.Sprintf("line %d as rendered for %s", s.rendered, s.host))
	}
	switch n := s.hosts - 1; {
	case n == 1:
		notes = append(notes, "and 1 more host")
	case n > 1:
		notes = append(notes, fmt.Sprintf("and %d more hosts", n))
	}
	text := strings.Join(notes, " ")
	if s.became != "" {
		if r := []rune(s.became); len(r) > maxBecame {
			s.became = string(r[:maxBecame]) + "…"
		}
		text += ": " + s.became
	}
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
