package catalog

import (
	"errors"
	"fmt"
)

// A Line of a file.
type Line struct {
	Name string `json:"name"`
	Edited
	Ensure string `json:"ensure"` // present, absent
	Text   string `json:"text,omitempty"`
	// Match is an RE2 expression for the line that Text replaces, or that is to be absent.
	Match string `json:"match,omitempty"`
	// Multiple allows several lines to match.
	Multiple bool `json:"multiple,omitempty"`
	// InsertAfter and InsertBefore are RE2 expressions: a new line goes behind the last line
	// that matches, or before the first one; otherwise to the end of the file.
	InsertAfter  string `json:"insert_after,omitempty"`
	InsertBefore string `json:"insert_before,omitempty"`
}

func (l *Line) Title() string { return l.Name }

func (l *Line) absent() bool { return l.Ensure == Absent }

func (l *Line) sets() (what, to string) {
	if l.Match != "" {
		return "", ""
	}
	return fmt.Sprintf("the line %q of %s", l.Text, l.Path), l.Ensure
}

func (l *Line) validate() error {
	switch {
	case l.Ensure == Present && l.Text == "":
		return errors.New("text is missing: write the line")
	case l.Ensure == Absent && l.Text == "" && l.Match == "":
		return errors.New("ensure: absent needs text or match")
	case l.Ensure == Absent && (l.InsertAfter != "" || l.InsertBefore != "" || l.Create):
		return errors.New("ensure: absent takes neither insert_after, insert_before nor create")
	case l.InsertAfter != "" && l.InsertBefore != "":
		return errors.New("insert_after and insert_before exclude each other")
	}
	return errors.Join(checkEditName(l.Name), checkEnsure(l.Ensure), l.Edited.validate(), checkLine("text", l.Text),
		CheckPattern(l.Match), CheckPattern(l.InsertAfter), CheckPattern(l.InsertBefore))
}
