package preview

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rackhand/inventory"
)

// groupChanges puts the hosts with the same change together: answer by answer, the
// groups in the order of their first hosts.
func groupChanges(names []string, found [][]hostChange) []AnswerChange {
	var out []AnswerChange
	index := map[string]int{}
	for i, name := range names {
		for _, c := range found[i] {
			key := string(c.answer) + "\n" + c.key
			at, ok := index[key]
			if !ok {
				at = len(out)
				index[key] = at
				out = append(out, AnswerChange{Answer: c.answer, Diff: c.diff})
			}
			out[at].Hosts = append(out[at].Hosts, name)
		}
	}
	return out
}

// changeKey identifies the change in a unified diff: its lines with + and -, with the host's
// own values replaced. So the same change of two hosts has the same key.
func changeKey(text string, own [][2]string) string {
	var key strings.Builder
	lines := strings.SplitAfter(text, "\n")
	for _, line := range lines[min(2, len(lines)):] { // after --- and +++
		if !strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "-") {
			continue
		}
		for _, o := range own {
			line = replaceWord(line, o[0], o[1])
		}
		key.WriteString(line)
	}
	return key.String()
}

// owned are the values that only one host has, with their replacements in a key. A value that
// the change itself alters isn't replaced, so that each host's change is shown.
func owned(a, b *inventory.Host) [][2]string {
	out := [][2]string{{b.Name, "\x00name"}}
	if a.Address == b.Address {
		out = append(out, [2]string{b.Address.String(), "\x00address"})
	}
	if slices.Equal(a.MACs, b.MACs) {
		for i, mac := range b.MACs {
			text := mac.String()
			out = append(out,
				[2]string{text, "\x00mac" + strconv.Itoa(i)},
				[2]string{strings.ReplaceAll(text, ":", "-"), "\x00mac" + strconv.Itoa(i)})
		}
	}
	return out
}

// replaceWord replaces a word where it stands alone: web1, and not the web1 of web10
// or web1-mgmt.
func replaceWord(s, word, with string) string {
	var b strings.Builder
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 || word == "" {
			b.WriteString(s[from:])
			return b.String()
		}
		begin, end := from+i, from+i+len(word)
		b.WriteString(s[from:begin])
		// A MAC may stand behind 01-, the hardware type.
		before := begin > 0 && inWord(s[begin-1]) && !strings.HasSuffix(s[:begin], "01-")
		if before || (end < len(s) && inWord(s[end])) {
			b.WriteString(word)
		} else {
			b.WriteString(with)
		}
		from = end
	}
}

func inWord(c byte) bool {
	return c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// naturally compares names in natural order: web2 before web10.
func naturally(a, b string) int {
	pa, na, _ := numbered(a)
	pb, nb, _ := numbered(b)
	return cmp.Or(strings.Compare(pa, pb), cmp.Compare(na, nb), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// numbered splits a name into its stem and the number at its end.
func numbered(name string) (prefix string, n int, ok bool) {
	prefix = strings.TrimRight(name, "0123456789")
	n, err := strconv.Atoi(name[len(prefix):])
	if err != nil {
		return name, -1, false
	}
	return prefix, n, true
}

// Ranges writes host names short, those of three and more that follow one another as
// web1..web14. The names are sorted already, web2 before web10.
func Ranges(names []string) string {
	var parts []string
	for i := 0; i < len(names); {
		end := i
		for end+1 < len(names) && follows(names[end], names[end+1]) {
			end++
		}
		if end-i >= 2 {
			parts = append(parts, names[i]+".."+names[end])
		} else {
			parts = append(parts, names[i:end+1]...)
		}
		i = end + 1
	}
	return strings.Join(parts, ", ")
}

// follows reports whether b is the name after a: web2 after web1, web10 after web9 or
// after web09, web010 after web009; web02 does not follow web1.
func follows(a, b string) bool {
	pa, na, oka := numbered(a)
	pb, nb, okb := numbered(b)
	if !oka || !okb || pa != pb || nb != na+1 {
		return false
	}
	width := len(a) - len(pa)
	return b == fmt.Sprintf("%s%0*d", pa, width, nb)
}
