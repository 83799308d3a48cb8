// Package edit changes an inventory's files by program and leaves them as the
// operator wrote them: text is spliced in and out at the places where yaml.v3 says
// that a value stands, so that comments, blank lines, quoting and order stay byte
// for byte. Every result is parsed again and held against the tree that was meant
// before it is returned; one that can't be shown to be right is refused.
package edit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Splice replaces the bytes from Start up to End by Text.
type Splice struct {
	Start, End int
	Text       string
}

// A Result is a file after an edit.
type Result struct {
	Text []byte
	// Splices are the changes to the bytes before, in order; they don't overlap.
	// None when nothing had to change.
	Splices []Splice
}

// A Refusal says why an edit was not made. Nothing was changed.
type Refusal struct {
	Reason string
	Hint   string // for the operator; may be empty
}

func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Reason
	}
	return r.Reason + "; " + r.Hint
}

func refuse(hint, format string, args ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// A Field is one key of a mapping that is added. Of Values and Fields one
// is given: a text, a list of several texts, or a mapping.
type Field struct {
	Key    string
	Values []string
	Fields []Field
}

// Set gives the key at a path a value: one text, or a list when there are several
// or a list stood there. A text that names a secret, {secret: bmc/web1}, is that, and no
// text. Mappings on the way that aren't there are made. Errors are a [*Refusal].
func Set(data []byte, path Path, values ...string) (Result, error) {
	if len(values) == 0 {
		return Result{}, refuse("to take a key away, remove it", "%s: no value", path)
	}
	for _, v := range values {
		if err := checkText(v); err != nil {
			return Result{}, refuse("", "%s: %v", path, err)
		}
	}
	for _, v := range values {
		name, ok, err := namedSecret(v)
		switch {
		case err != nil:
			return Result{}, err
		case ok && len(values) > 1:
			return Result{}, refuse("write such a list by hand", "%s: one of several values names a secret", path)
		case ok:
			return setSecret(data, path, name)
		}
	}
	return put(data, path, Field{Key: path.last(), Values: values})
}

// Add writes a new entry, a mapping of fields, at a path where nothing stands yet.
// Errors are a [*Refusal].
func Add(data []byte, path Path, fields []Field) (Result, error) {
	return put(data, path, Field{Key: path.last(), Fields: fields})
}

// Remove takes the key at a path away with its value, the comment on its line and
// those within it. A comment above it stays. Errors are a [*Refusal].
func Remove(data []byte, path Path) (Result, error) {
	d, err := parse(data)
	if err != nil {
		return Result{}, err
	}
	w, err := d.walk(path)
	if err != nil {
		return Result{}, err
	}
	if len(w.missing) > 0 {
		return Result{}, refuse(w.hint(), "there is no %s", w.at(path))
	}
	splices, err := d.remove(w)
	if err != nil {
		return Result{}, byHand(path, err)
	}
	return d.finish(path, splices, w.expectRemoved)
}

// put writes a field at a path.
func put(data []byte, path Path, f Field) (Result, error) {
	d, err := parse(data)
	if err != nil {
		return Result{}, err
	}
	w, err := d.walk(path)
	if err != nil {
		return Result{}, err
	}
	var splices []Splice
	if len(w.missing) == 0 {
		if f.Fields != nil {
			return Result{}, refuse("choose another name, or set its keys", "%s stands in the file already", path)
		}
		splices, err = d.replace(w, path, f)
	} else {
		for _, key := range slices.Backward(w.missing[:len(w.missing)-1]) {
			f = Field{Key: key, Fields: []Field{f}}
		}
		splices, err = d.insert(w, f)
	}
	if err != nil {
		return Result{}, byHand(path, err)
	}
	return d.finish(path, splices, func() { w.expectPut(d, f) })
}

// byHand makes a refusal of a text that isn't where it should be.
func byHand(path Path, err error) error {
	if errors.Is(err, errSpan) {
		return refuse("edit the file by hand", "%s: the YAML there is written in a way that can't be edited by program", path)
	}
	return err
}

// finish carries out the splices and holds the outcome against the tree that
// expect makes of the one before.
func (d *document) finish(path Path, splices []Splice, expect func()) (Result, error) {
	splices = slices.DeleteFunc(splices, func(s Splice) bool { return string(d.text[s.Start:s.End]) == s.Text })
	if len(splices) == 0 {
		return Result{Text: d.text}, nil
	}
	var b strings.Builder
	at := 0
	for _, s := range splices {
		b.Write(d.text[at:s.Start])
		b.WriteString(s.Text)
		at = s.End
	}
	b.Write(d.text[at:])
	out := []byte(b.String())
	expect()
	after, err := parse(out)
	if err != nil || !same(d.root, after.root) {
		return Result{}, byHand(path, errSpan)
	}
	return Result{Text: out, Splices: splices}, nil
}
