package catalog

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// The bounds of edits, in bytes.
const (
	MaxEdited  = 1 << 20  // of a file that is edited
	MaxPattern = 1 << 10  // of a regular expression
	MaxLine    = 16 << 10 // of a line that is written
	MaxBody    = 64 << 10 // of a block, and of the text of a sudoers file
)

// maxInstructions bounds a compiled regular expression: the time that it takes for a file is
// the product of both.
const maxInstructions = 2000

// Edited is a file of which a resource changes a part.
type Edited struct {
	Path string `json:"path"` // absolute
	// Create makes the file if it isn't there, with Mode (0644), Owner and Group. A file that
	// is there keeps its own.
	Create bool   `json:"create,omitempty"`
	Mode   string `json:"mode,omitempty"`
	Owner  string `json:"owner,omitempty"`
	Group  string `json:"group,omitempty"`
	// Validate is a command that must exit 0 before the new content takes its place, as a
	// file's.
	Validate []string `json:"validate,omitempty"`
}

// File is the file with a content.
func (e *Edited) File(content string) *File {
	return &File{Path: e.Path, Ensure: FileKind, Content: content, Mode: e.Mode, Owner: e.Owner, Group: e.Group, Validate: e.Validate}
}

func (e *Edited) validate() error {
	if e.Path == "" {
		return errors.New("path is missing: name the file, such as /etc/hosts")
	}
	if !e.Create && (e.Mode != "" || e.Owner != "" || e.Group != "") {
		return errors.New("mode, owner and group are for create: true; a file that is there keeps its own")
	}
	return e.File("").validate()
}

// Paths is the file.
func (e *Edited) Paths() []string { return []string{e.Path} }

func (e *Edited) edits() {}

// Edits reports whether a resource changes a part of a file, and not the whole.
func (r *Resource) Edits() bool {
	_, s := r.Kind()
	_, ok := s.(interface{ edits() })
	return ok
}

// Uses are the user and the group that the file is made for.
func (e *Edited) Uses() []string { return accountIDs(e.Owner, e.Group) }

// Sets is what a resource sets, in words, and a text that stands for the value. Two titles
// may name the same. "" for resources whose title says it all.
func (r *Resource) Sets() (what, to string) {
	_, s := r.Kind()
	if s, ok := s.(interface{ sets() (what, to string) }); ok {
		return s.sets()
	}
	return "", ""
}

// accountIDs are the ids of a user and a group, without those of empty names.
func accountIDs(user, group string) []string {
	return append(ids(KindUser, user), ids(KindGroup, group)...)
}

// editName are the names of lines, blocks and keys: a block's stands in its markers.
var editName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9 ._:@/+-]{0,126}[a-zA-Z0-9])?$`)

func checkEditName(name string) error {
	if !editName.MatchString(name) {
		return fmt.Errorf("%.140q is not a valid name: use up to 128 letters, digits, blanks and . _ : @ / + -, with a letter or digit at both ends", name)
	}
	return nil
}

// CheckPattern checks a regular expression; "" is one that isn't given.
func CheckPattern(pattern string) error {
	if len(pattern) > MaxPattern {
		return fmt.Errorf("an expression of %d bytes: at most %d are allowed", len(pattern), MaxPattern)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return fmt.Errorf("%w (the syntax is RE2's)", err)
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return err
	}
	if len(prog.Inst) > maxInstructions {
		return fmt.Errorf("the expression is too complex: it has %d steps, and %d are allowed; use smaller repeat counts", len(prog.Inst), maxInstructions)
	}
	return nil
}

// checkLine checks a text that has to fit on one line.
func checkLine(field, text string) error {
	switch {
	case len(text) > MaxLine:
		return fmt.Errorf("%s has %d bytes: at most %d are allowed", field, len(text), MaxLine)
	case strings.ContainsAny(text, "\n\r\x00"):
		return fmt.Errorf("%s has to be one line, without NUL", field)
	}
	return nil
}

func checkEnsure(ensure string) error {
	if ensure != Present && ensure != Absent {
		return fmt.Errorf("ensure is %.40q: use present or absent", ensure)
	}
	return nil
}
