package edit

import (
	"bytes"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// A place is where a key and its value stand, found without the code under test:
// by yaml.v3's lines and columns, in a text whose lines end in LF.
type place struct {
	path       string
	key, value int // offsets
	nothing    bool
}

// places lists all keys of a text in order.
func places(t *testing.T, text []byte) []place {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	offset := func(n *yaml.Node) int {
		at := 0
		for _, line := range lines[:n.Line-1] {
			at += len(line)
		}
		return at + len(string([]rune(strings.TrimRight(lines[n.Line-1], "\r\n"))[:n.Column-1]))
	}
	var all []place
	var walk func(n *yaml.Node, at string)
	walk = func(n *yaml.Node, at string) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			all = append(all, place{at + "." + k.Value, offset(k), offset(v), v.Tag == "!!null" || v.Kind == yaml.MappingNode && len(v.Content) == 0})
			walk(v, at+"."+k.Value)
		}
	}
	if len(doc.Content) > 0 {
		walk(doc.Content[0], "")
	}
	return all
}

// withinSpan holds the common beginning and end of a file before and after an edit
// against where yaml.v3 says that the edited value stands: what is written before
// it, and from the next key on, is there unchanged. A key that is new takes
// nothing away at all.
func withinSpan(t *testing.T, what string, before, after []byte, path Path) {
	t.Helper()
	prefix, suffix := 0, 0
	for prefix < min(len(before), len(after)) && before[prefix] == after[prefix] {
		prefix++
	}
	for suffix < min(len(before), len(after)) && before[len(before)-1-suffix] == after[len(after)-1-suffix] {
		suffix++
	}
	all, id := places(t, before), "."+strings.Join(path, ".")
	at := -1
	for i, p := range all {
		if p.path == id {
			at = i
		}
	}
	if at < 0 {
		// Under the nearest key that is there: unless that holds nothing (a ~ or {}
		// gives way), it is an insertion.
		for i, p := range all {
			if strings.HasPrefix(id, p.path+".") {
				at = i
			}
		}
		if (at < 0 || !all[at].nothing) && prefix+suffix < len(before) {
			t.Fatalf("%s: an insertion took bytes %d to %d away", what, prefix, len(before)-suffix)
		}
		return
	}
	// The first byte that may change: of the value, or in a removal of the line, or
	// of what stands behind the value before (a comma).
	first := all[at].value
	if strings.HasPrefix(what, "remove") {
		first = 0
		if at > 0 {
			first = min(all[at-1].value, bytes.LastIndexByte(before[:all[at].key], '\n')+1)
		}
	} else if all[at].nothing {
		first = all[at].key
	}
	last := len(before)
	for _, p := range all[at+1:] {
		if !strings.HasPrefix(p.path, id+".") {
			last = p.key
			break
		}
	}
	if prefix < first {
		t.Fatalf("%s: byte %d changed, before the value at %d", what, prefix, first)
	}
	if len(before)-suffix > last {
		t.Fatalf("%s: byte %d changed, behind the value, which ends before %d", what, len(before)-suffix-1, last)
	}
}
