package edit

import (
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/catalog"
)

// INI brings a key of an INI file about, and says what it changed; nil if it holds already.
// A key is looked for in every section of the name. A value that goes on in the next line is
// an error, since replacing its first line alone would damage the file.
func INI(text []byte, want *catalog.INI) (out []byte, did []string, err error) {
	d := split(text)
	f := &ini{document: d, INI: want, sign: strings.TrimSpace(want.Between()), sectionEnd: -1}
	f.scan()
	wrong := f.keys
	if want.Ensure == catalog.Present {
		wrong = slices.DeleteFunc(slices.Clone(f.keys), func(i int) bool {
			_, value, _ := f.pair(d.rows[i].text)
			return value == want.Value && !f.goesOn(i)
		})
	}
	if len(wrong) > 0 || len(f.keys) == 0 {
		for _, i := range f.keys {
			if f.goesOn(i) {
				return nil, nil, fmt.Errorf("the value of %s goes on behind line %d of %s, which an ini resource can't change: write it on one line by hand", want.Key, i+1, want.Path)
			}
		}
	}
	switch {
	case want.Ensure == catalog.Absent:
		if len(f.keys) == 0 {
			return text, nil, nil
		}
		d.remove(f.keys...)
		return d.bytes(), []string{numbers(f.keys) + " removed"}, nil
	case len(f.keys) == 0:
		at, err := f.add()
		if err != nil {
			return nil, nil, err
		}
		return d.bytes(), []string{fmt.Sprintf("line %d added", at+1)}, nil
	case len(wrong) == 0:
		return text, nil, nil
	case len(f.keys) > 1 && !want.Multiple:
		return nil, nil, fmt.Errorf("%s of %s set %s: remove all but one, or set multiple: true", numbers(f.keys), want.Path, want.Key)
	}
	if err := fits(len(wrong), want.Value); err != nil {
		return nil, nil, err
	}
	for _, i := range wrong {
		before, _, bare := f.pair(d.rows[i].text)
		if bare {
			before += want.Between()
		}
		d.rows[i].text = strings.TrimRight(before+want.Value, " \t")
	}
	return d.bytes(), []string{numbers(wrong) + " replaced"}, nil
}

// ini is an INI file, and what was found of a key.
type ini struct {
	*document
	*catalog.INI
	sign string // between key and value; "" for blanks

	keys       []int // the lines of the key
	last       int   // the last line of the section that isn't empty
	lastKey    int   // the section's last line with a key; -1 for none
	comment    int   // the first line of the section that comments out the key; -1 for none
	sectionEnd int   // last, once the section was found
}

func (f *ini) scan() {
	section := ""
	f.last, f.lastKey, f.comment = -1, -1, -1
	for i, r := range f.rows {
		text := strings.TrimSpace(r.text)
		if name, ok := sectionName(text); ok {
			section = name
			if section == f.Section {
				f.last, f.sectionEnd = i, i
			}
			continue
		}
		if section != f.Section || text == "" {
			continue
		}
		f.last = i
		if text[0] == '#' || text[0] == ';' {
			if commented := strings.TrimLeft(text, "#; \t"); f.comment < 0 && commented != text && f.isKey(commented) && f.hasSign(commented) {
				f.comment = i
			}
			continue
		}
		f.lastKey = i
		if f.isKey(text) {
			f.keys = append(f.keys, i)
		}
	}
	if f.last >= 0 {
		f.sectionEnd = f.last
	}
}

// sectionName is the name in a line such as [Unit].
func sectionName(text string) (string, bool) {
	if !strings.HasPrefix(text, "[") {
		return "", false
	}
	name, rest, ok := strings.Cut(text[1:], "]")
	rest = strings.TrimSpace(rest)
	return strings.TrimSpace(name), ok && (rest == "" || rest[0] == '#' || rest[0] == ';')
}

// sep is where the separator of a line stands, and how long it is; -1 without one.
func (f *ini) sep(text string) (at, size int) {
	if f.sign != "" {
		return strings.Index(text, f.sign), len(f.sign)
	}
	body := strings.TrimLeft(text, " \t")
	if i := strings.IndexAny(body, " \t"); i >= 0 {
		return len(text) - len(body) + i, 1
	}
	return -1, 0
}

func (f *ini) hasSign(text string) bool { at, _ := f.sep(text); return at >= 0 }

func (f *ini) isKey(text string) bool {
	if at, _ := f.sep(text); at >= 0 {
		text = text[:at]
	}
	return strings.TrimSpace(text) == f.Key
}

// pair is a line up to its value, and the value. bare: the key stands alone.
func (f *ini) pair(text string) (before, value string, bare bool) {
	at, size := f.sep(text)
	if at < 0 {
		return strings.TrimRight(text, " \t"), "", true
	}
	value = strings.TrimSpace(text[at+size:])
	before = text[:at+size]
	rest := text[at+size:]
	blank := rest[:len(rest)-len(strings.TrimLeft(rest, " \t"))]
	if value == "" {
		_, blank, _ = strings.Cut(f.Between(), f.sign) // the file may have dropped it
		if f.sign == "" {
			blank = ""
		}
	}
	return before + blank, value, false
}

// goesOn reports whether the value of a line continues in the next one: by a backslash at its
// end (systemd.syntax(7)), or by a line without a separator that is indented further.
func (f *ini) goesOn(i int) bool {
	if i+1 >= len(f.rows) {
		return false
	}
	text, next := f.rows[i].text, f.rows[i+1].text
	if strings.HasSuffix(text, `\`) && strings.TrimSpace(next) != "" {
		_, value, _ := f.pair(text)
		return value != f.Value
	}
	body := strings.TrimSpace(next)
	if body == "" || body[0] == '#' || body[0] == ';' || body[0] == '[' || f.hasSign(next) {
		return false
	}
	return len(indent(next)) > len(indent(text))
}

func indent(text string) string { return text[:len(text)-len(strings.TrimLeft(text, " \t"))] }

// add writes the key into its section: behind the line that comments it out, or to the end.
func (f *ini) add() (at int, err error) {
	line := strings.TrimRight(f.Key+f.Between()+f.Value, " \t")
	if f.sectionEnd < 0 && f.Section != "" {
		lines := []string{"[" + f.Section + "]", line}
		if n := len(f.rows); n > 0 && strings.TrimSpace(f.rows[n-1].text) != "" {
			lines = append([]string{""}, lines...)
		}
		at = len(f.rows) + len(lines) - 1
		f.insert(len(f.rows), lines...)
		return at, nil
	}
	at = f.sectionEnd + 1
	if f.comment >= 0 {
		at = f.comment + 1
	}
	if at > 0 && strings.HasSuffix(f.rows[at-1].text, `\`) {
		return 0, fmt.Errorf("line %d of %s ends with a backslash, so that a line behind it would continue it: end that value by hand", at, f.Path)
	}
	if f.lastKey >= 0 {
		line = indent(f.rows[f.lastKey].text) + line
	}
	f.insert(at, line)
	if f.goesOn(at) { // a line behind the comment would become part of the value
		f.remove(at)
		at = f.sectionEnd + 1
		f.insert(at, line)
	}
	return at, nil
}
