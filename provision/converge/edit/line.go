package edit

import (
	"fmt"
	"regexp"
	"slices"

	"rackhand/provision/catalog"
)

// Line brings a line about, and says what it changed; nil if the line holds already.
func Line(text []byte, l *catalog.Line) (out []byte, did []string, err error) {
	d := split(text)
	var matches []int
	if l.Match != "" {
		re, err := regexp.Compile(l.Match)
		if err != nil {
			return nil, nil, fmt.Errorf("match: %w", err)
		}
		matches = d.find(re.MatchString)
	}
	equal := d.find(func(text string) bool { return l.Text != "" && text == l.Text })
	if len(matches) > 1 && !l.Multiple && (l.Ensure == catalog.Absent || !allEqual(matches, equal)) {
		return nil, nil, fmt.Errorf("%s of %s match %q: narrow it to one line, or set multiple: true", numbers(matches), l.Path, l.Match)
	}
	if l.Ensure == catalog.Absent {
		at := matches
		if l.Match == "" {
			at = equal
		}
		if len(at) == 0 {
			return text, nil, nil
		}
		d.remove(at...)
		return d.bytes(), []string{numbers(at) + " removed"}, nil
	}
	if len(matches) > 0 {
		replaced := slices.DeleteFunc(matches, func(i int) bool { return d.rows[i].text == l.Text })
		if len(replaced) == 0 {
			return text, nil, nil
		}
		if err := fits(len(replaced), l.Text); err != nil {
			return nil, nil, err
		}
		for _, i := range replaced {
			d.rows[i].text = l.Text
		}
		return d.bytes(), []string{numbers(replaced) + " replaced"}, nil
	}
	if len(equal) > 0 {
		return text, nil, nil
	}
	at, err := d.place(l.InsertAfter, l.InsertBefore)
	if err != nil {
		return nil, nil, err
	}
	d.insert(at, l.Text)
	return d.bytes(), []string{fmt.Sprintf("line %d added", at+1)}, nil
}

// allEqual reports whether each match is the wanted line itself.
func allEqual(matches, equal []int) bool {
	for _, i := range matches {
		if !slices.Contains(equal, i) {
			return false
		}
	}
	return true
}
