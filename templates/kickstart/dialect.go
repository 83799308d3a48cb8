package kickstart

import (
	"slices"
	"strings"
	"sync"
	"unicode"
)

// A dialect describes how a release's parser reads a text: rules for all commands that no
// table of options holds.
type dialect struct {
	// sections are those that the release knows.
	sections []string
	// bytes: RHEL 7's parser runs on Python 2 and reads bytes. Only \n, \r\n and \r end
	// a line there, only ASCII's blanks are blank, and a text need not be UTF-8.
	bytes bool
	// emptyOK: a file of no byte at all is accepted; blankOK: one of blanks alone is.
	emptyOK, blankOK bool
}

// dialects are the dialects of all releases, and under "" the dialect of a file without a
// known release. That one knows every section that a release knows.
var dialects = sync.OnceValue(func() map[Release]dialect {
	all := map[Release]dialect{"": {sections: []string{
		"%pre", "%pre-install", "%post", "%onerror", "%traceback",
		"%packages", "%certificate", "%addon", "%anaconda",
	}}}
	for _, r := range Releases() {
		syntax, err := LookupSyntax(r)
		if err != nil {
			continue
		}
		d := dialect{bytes: r == RHEL7, emptyOK: r == RHEL7}
		d.blankOK = slices.Contains([]Release{RHEL7, RHEL8, RHEL9}, r)
		for _, name := range all[""].sections { // in this order, for the hints
			if _, ok := syntax.Sections[name]; ok {
				d.sections = append(d.sections, name)
			}
		}
		all[r] = d
	}
	return all
})

// anyDialect is the dialect of a file without a known release.
func anyDialect() dialect { return dialects()[""] }

// dialectOf is a release's dialect; anyDialect's for a release that isn't known.
func dialectOf(r Release) dialect {
	if d, ok := dialects()[r]; ok {
		return d
	}
	return anyDialect()
}

func (d dialect) isSection(word string) bool { return slices.Contains(d.sections, word) }

// splitLines cuts a text after each line end.
func (d dialect) splitLines(text string) []string {
	if !d.bytes {
		return SplitLines(text)
	}
	var lines []string
	start := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '\n' && (text[i] != '\r' || strings.HasPrefix(text[i+1:], "\n")) {
			continue
		}
		lines, start = append(lines, text[start:i+1]), i+1
	}
	if start < len(text) {
		lines = append(lines, text[start:])
	}
	return lines
}

// isSpace reports whether the release's Python treats a character as a blank.
func (d dialect) isSpace(r rune) bool {
	if d.bytes {
		return r < 0x80 && unicode.IsSpace(r)
	}
	return IsSpace(r)
}
