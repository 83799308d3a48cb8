package edit

import (
	"fmt"
	"slices"
	"strings"

	"rackhand/provision/catalog"
)

// Block brings a block about, and says what it changed; nil if the block holds already.
func Block(text []byte, b *catalog.Block) (out []byte, did []string, err error) {
	d := split(text)
	begin, end, err := d.block(b)
	if err != nil {
		return nil, nil, err
	}
	if b.Ensure == catalog.Absent {
		if begin < 0 {
			return text, nil, nil
		}
		d.replace(begin, end+1)
		return d.bytes(), []string{fmt.Sprintf("block removed, lines %d to %d", begin+1, end+1)}, nil
	}
	var lines []string
	for line := range strings.Lines(b.Content) {
		lines = append(lines, strings.TrimRight(line, "\r\n"))
	}
	if begin < 0 {
		at, err := d.place(b.InsertAfter, b.InsertBefore)
		if err != nil {
			return nil, nil, err
		}
		d.insert(at, slices.Concat([]string{b.Begin()}, lines, []string{b.End()})...)
		return d.bytes(), []string{fmt.Sprintf("block of %d lines added at line %d", len(lines), at+1)}, nil
	}
	var there []string
	for _, r := range d.rows[begin+1 : end] {
		there = append(there, r.text)
	}
	if slices.Equal(there, lines) {
		return text, nil, nil
	}
	d.replace(begin+1, end, lines...)
	return d.bytes(), []string{fmt.Sprintf("block replaced, lines %d to %d", begin+1, end+1)}, nil
}

// block finds the markers of a block; -1 if it isn't there.
func (d *document) block(b *catalog.Block) (begin, end int, err error) {
	is := func(marker string) []int {
		return d.find(func(text string) bool { return strings.TrimSpace(text) == marker })
	}
	begins, ends := is(b.Begin()), is(b.End())
	switch {
	case len(begins) == 0 && len(ends) == 0:
		return -1, -1, nil
	case len(begins) == 1 && len(ends) == 1 && begins[0] < ends[0]:
		return begins[0], ends[0], nil
	case len(begins) > 1 || len(ends) > 1:
		return 0, 0, fmt.Errorf("%s of %s are markers of this block, which has to be there once: remove the other copies by hand", numbers(slices.Sorted(slices.Values(append(begins, ends...)))), b.Path)
	case len(ends) == 0:
		return 0, 0, fmt.Errorf("line %d of %s begins the block, and no line ends it: write %q behind its last line, or remove line %[1]d", begins[0]+1, b.Path, b.End())
	case len(begins) == 0:
		return 0, 0, fmt.Errorf("line %d of %s ends the block, and no line begins it: write %q before its first line, or remove line %[1]d", ends[0]+1, b.Path, b.Begin())
	}
	return 0, 0, fmt.Errorf("the block's end, line %d of %s, is before its beginning, line %d: put them in order by hand, or remove both", ends[0]+1, b.Path, begins[0]+1)
}
