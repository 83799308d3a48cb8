package catalog

import (
	"errors"
	"fmt"
	"strings"
)

// A Block is some lines of a file between two markers.
type Block struct {
	Name string `json:"name"`
	Edited
	Ensure  string `json:"ensure"` // present, absent
	Content string `json:"content,omitempty"`
	// Marker is how the file's comments begin; "" means #. A second word ends them: "<!-- -->".
	Marker string `json:"marker,omitempty"`
	// InsertAfter and InsertBefore say where a new block goes, as a [Line]'s.
	InsertAfter  string `json:"insert_after,omitempty"`
	InsertBefore string `json:"insert_before,omitempty"`
}

func (b *Block) Title() string { return b.Name }

func (b *Block) absent() bool { return b.Ensure == Absent }

// Begin is the line before the block, and End the one behind it.
func (b *Block) Begin() string { return b.comment("BEGIN") }
func (b *Block) End() string   { return b.comment("END") }

func (b *Block) comment(which string) string {
	open, closing, _ := strings.Cut(b.Marker, " ")
	if open == "" {
		open = "#"
	}
	return strings.TrimSpace(open + " " + which + " rackhand " + b.Name + " " + closing)
}

func (b *Block) validate() error {
	switch {
	case b.Ensure == Present && b.Content == "":
		return errors.New("the block has no content")
	case b.Ensure == Absent && (b.Content != "" || b.InsertAfter != "" || b.InsertBefore != "" || b.Create):
		return errors.New("ensure: absent takes neither a content, insert_after, insert_before nor create")
	case b.InsertAfter != "" && b.InsertBefore != "":
		return errors.New("insert_after and insert_before exclude each other")
	case len(b.Content) > MaxBody:
		return fmt.Errorf("the content has %d bytes: at most %d are allowed", len(b.Content), MaxBody)
	case strings.ContainsRune(b.Content, 0):
		return errors.New("the content has a NUL")
	case len(b.Marker) > 16 || strings.ContainsAny(b.Marker, "\n\r\x00") || b.Marker != strings.Join(strings.Fields(b.Marker), " ") || strings.Count(b.Marker, " ") > 1:
		return fmt.Errorf("marker %.40q: write how a comment begins, such as # or //, and how it ends if it does: <!-- -->", b.Marker)
	}
	for line := range strings.Lines(b.Content) {
		if line = strings.TrimRight(line, "\r\n"); line == b.Begin() || line == b.End() {
			return fmt.Errorf("the content has its own marker %q", line)
		}
	}
	return errors.Join(checkEditName(b.Name), checkEnsure(b.Ensure), b.Edited.validate(),
		CheckPattern(b.InsertAfter), CheckPattern(b.InsertBefore))
}
