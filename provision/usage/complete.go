package usage

import (
	"slices"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// Kinds of values whose names the program itself doesn't know: an argument has one in its tag
// `complete`. Files are the shell's to complete.
const (
	Host    = "host" // of the inventory
	Box     = "box"  // a host, or the MAC of an unclaimed box
	MAC     = "mac"  // of an unclaimed box
	Groups  = "group"
	Role    = "role"
	Shipped = "shipped-role"
	System  = "system"
	Network = "network"
	Image   = "image"
	Media   = "media"
	Command = "command"
	files   = "file"
)

// A Candidate is a word that may stand next, and what it means.
type Candidate struct{ Word, Text string }

// A Completion are the words that may stand next. Files: the shell may complete names of files
// too.
type Completion struct {
	Candidates []Candidate
	Files      bool
}

// Complete says which words may stand in place of the last one, which is perhaps unfinished.
// Values gives the names of a kind.
func (p Program) Complete(words []string, values func(kind string) []string) Completion {
	if len(words) == 0 {
		words = []string{""}
	}
	at := p.walk(words[:len(words)-1])
	c := completer{p, values, words[len(words)-1]}
	name, value, isValue := strings.Cut(c.word, "=")
	switch {
	case at.flag != nil:
		return c.value(at.flag.Value, "")
	case strings.HasPrefix(c.word, "--") && isValue && !at.raw:
		f := flag(at.node, strings.TrimPrefix(name, "--"))
		if f == nil {
			return Completion{}
		}
		c.word = value
		return c.value(f.Value, name+"=")
	case strings.HasPrefix(c.word, "-") && !at.raw:
		return c.flags(at.node)
	}
	var out Completion
	if at.given == 0 {
		out = c.children(at.node)
	}
	node := at.node
	if at.given == 0 && len(node.Positional) == 0 && node.DefaultCmd != nil {
		node = node.DefaultCmd
	}
	if at.given == 1 && argumentFirst(node) {
		out = c.children(node.Parent)
	}
	if n := len(node.Positional); n > 0 {
		i := min(at.given, n-1)
		if a := node.Positional[i]; at.given < n || a.IsCumulative() {
			more := c.value(a, "")
			out.Candidates, out.Files = append(out.Candidates, more.Candidates...), more.Files
		}
	}
	return out
}

// A position is a place in a command line.
type position struct {
	node  *kong.Node
	flag  *kong.Flag // that waits for its value
	given int        // positional arguments before it
	raw   bool       // after --: no flags follow
}

// walk goes through the words before the one that is completed.
func (p Program) walk(words []string) position {
	at := position{node: p.App.Node}
	for _, w := range words {
		switch {
		case at.flag != nil:
			at.flag = nil
		case at.raw:
			at.given++
		case w == "--":
			at.raw = true
		case strings.HasPrefix(w, "-") && w != "-":
			at.flag = waiting(at.node, w)
		case at.given == 0 && child(at.node, w) != nil:
			at.node = child(at.node, w)
		case at.given == 1 && argumentFirst(at.node) && child(at.node.Parent, w) != nil:
			at.node = child(at.node.Parent, w)
		default:
			if at.given == 0 && len(at.node.Positional) == 0 && at.node.DefaultCmd != nil {
				at.node = at.node.DefaultCmd
			}
			at.given++
		}
	}
	return at
}

// argumentFirst reports whether a node is the default command of one whose commands may stand
// behind their first argument: `bmc web1 sensors`. The tag of such a node is `argument:"first"`.
func argumentFirst(node *kong.Node) bool {
	p := node.Parent
	return p != nil && p.DefaultCmd == node && p.Tag != nil && p.Tag.Get("argument") == "first"
}

// waiting is the flag of a word whose value is the next word, nil for any other.
func waiting(node *kong.Node, word string) *kong.Flag {
	if strings.Contains(word, "=") {
		return nil
	}
	for n := node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if (word == "--"+f.Name || f.Short != 0 && word == "-"+string(f.Short)) && !f.IsBool() && !f.IsCounter() {
				return f
			}
		}
	}
	return nil
}

func flag(node *kong.Node, name string) *kong.Flag {
	for n := node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if f.Name == name {
				return f
			}
		}
	}
	return nil
}

type completer struct {
	Program
	values func(kind string) []string
	word   string
}

func (c completer) only(all []Candidate) Completion {
	return Completion{Candidates: slices.DeleteFunc(all, func(x Candidate) bool { return !strings.HasPrefix(x.Word, c.word) })}
}

func (c completer) children(node *kong.Node) Completion {
	var all []Candidate
	for _, n := range visible(node) {
		all = append(all, Candidate{n.Name, n.Help})
	}
	return c.only(all)
}

func (c completer) flags(node *kong.Node) Completion {
	var all []Candidate
	for n := node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				all = append(all, Candidate{"--" + f.Name, f.Help})
			}
		}
	}
	return c.only(all)
}

// plain reports whether a shell takes a name as it stands. Bash puts names into the line as they
// are, so one from elsewhere could become a command.
func plain(name string) bool {
	return name != "" && name[0] != '-' && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:=@%+,", r)
	})
}

// value completes the value of an argument or a flag, behind a prefix that stays.
func (c completer) value(v *kong.Value, prefix string) Completion {
	kind := v.Tag.Get("complete")
	var names []string
	switch {
	case v.IsBool():
		names = []string{"true", "false"}
	case v.Enum != "":
		names = enum(v)
	case kind == Command:
		for _, n := range visible(c.App.Node) {
			names = append(names, n.Name)
		}
	case kind == files, slices.Contains([]string{"path", "existingfile", "existingdir"}, v.Tag.Type):
		return Completion{Files: true}
	case kind != "":
		names = slices.DeleteFunc(c.values(kind), func(name string) bool { return !plain(name) })
	}
	var all []Candidate
	for _, name := range names {
		all = append(all, Candidate{Word: name})
	}
	out := c.only(all)
	for i := range out.Candidates {
		out.Candidates[i].Word = prefix + out.Candidates[i].Word
	}
	return out
}
