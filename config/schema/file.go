// Package schema reads a YAML file by the schema of its caller: a scalar
// is the text that the operator wrote (0644, NO, 1.10 stay as they are), every
// key must be known, and every mistake becomes a [problem.Problem] with its
// place. Reading goes on after a problem, so that one run finds them all.
//
// The Node types of yaml.v3 are used for positions and raw text only: its own
// decoding turns yes into true and 0755 into 493, and forgets KnownFields.
package schema

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"rackhand/config/problem"
)

// MaxSize bounds a file, in bytes. A box takes some 300 bytes, so that ten thousand
// fit; yaml.v3 takes about a hundred times the size while it parses.
const MaxSize = 4 << 20

// maxDepth bounds how deep mappings and lists may lie in each other.
const maxDepth = 32

// A File is one YAML file that is being read.
type File struct {
	name   string
	lines  []string
	list   *problem.List
	hidden map[int]int         // line -> column from which it is hidden
	bad    map[*yaml.Node]bool // reported already: readers skip them
	alias  bool                // an alias was reported
	probe  *probe              // set while a shape is asked for
}

// Line is the text of a line, from 1, without its secrets; "" if the file has no such line.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	line := f.lines[n-1]
	if column, ok := f.hidden[n]; ok {
		if r := []rune(line); column <= len(r) {
			line = string(r[:column-1]) + "***"
		}
	}
	return HideSecrets(line)
}

// File is the node's file. It keeps the text alive, and nothing of the nodes.
func (n Node) File() *File { return n.file }

// Size is the size of the text in bytes.
func (f *File) Size() (size int) {
	for _, line := range f.lines {
		size += len(line) + 1
	}
	return size
}

var (
	secretKey = regexp.MustCompile(`(?i)(pass(word|wd|phrase)|token|private_key)[\w.-]*["']?\s*:\s*`)
	reference = regexp.MustCompile(`^\{\s*secret\s*:`)
)

// hide keeps a line from a column on out of what Line shows.
func (f *File) hide(line, column int) {
	if c, ok := f.hidden[line]; !ok || column < c {
		f.hidden[line] = column
	}
}

// HideSecrets replaces the rest of a line by "***" after a key that sounds like a secret,
// unless a reference such as {secret: name} follows. It needs no parsed file, because lines
// with syntax errors are shown too.
func HideSecrets(line string) string {
	for _, at := range secretKey.FindAllStringIndex(line, -1) {
		rest := line[at[1]:]
		if rest == "" || strings.HasPrefix(rest, "#") || reference.MatchString(rest) {
			continue
		}
		return line[:at[1]] + "***"
	}
	return line
}

// splitLines splits where YAML does: at CR LF, LF, CR, NEL, LS and PS.
func splitLines(s string) []string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	return strings.Split(s, "\n")
}
