// Package usage makes the help, the man pages, the reference and the completion of a command
// line out of its model, so that all of them say the same.
package usage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// An Exit is an exit status and its meaning: of one command, or of all of them.
type Exit struct {
	Command string // "converge"; "" for every command
	Status  int
	Meaning string
}

// A Program is a command line with what its model doesn't hold.
type Program struct {
	App     *kong.Application
	Version string
	Exits   []Exit
}

// An Item is a term and its meaning: a command, an argument, a flag, an exit status.
type Item struct{ Term, Text string }

// A Group is a heading with commands.
type Group struct {
	Title    string
	Commands []Item
}

// A Page explains one command, or the program.
type Page struct {
	Name      string // "rackhand image build"
	Usage     string // "rackhand image build NAME [flags]"
	Summary   string // one sentence
	Detail    []string
	Groups    []Group // of the program
	Commands  []Item  // below this command
	Arguments []Item
	Flags     []Item
	Exits     []Item
}

// mostWords is how long the names of a command's own commands may be in its usage line.
const mostWords = 64

// Find is the command that words name, the program for none. The error names the nearest one.
func (p Program) Find(words []string) (*kong.Node, error) {
	node := p.App.Node
	for _, w := range words {
		next := child(node, w)
		if next == nil {
			return nil, unknown(node, w)
		}
		node = next
	}
	return node, nil
}

func child(node *kong.Node, name string) *kong.Node {
	for _, c := range node.Children {
		if c.Name == name || slices.Contains(c.Aliases, name) {
			return c
		}
	}
	return nil
}

// Page is the page of a command, or of the program.
func (p Program) Page(node *kong.Node) Page {
	page := Page{Name: node.Path(), Summary: node.Help}
	if node.Type == kong.ApplicationNode {
		page.Name = node.Name
		page.Usage = node.Name + " COMMAND [ARGUMENT...]"
		page.Groups = groups(node)
		page.Exits = exits(p.Exits, "")
		return page
	}
	page.Name = strings.Join(path(node), " ")
	page.Detail = paragraphs(node.Detail)
	page.Usage = page.Name
	for _, c := range visible(node) {
		page.Commands = append(page.Commands, Item{c.Name, c.Help})
	}
	if len(page.Commands) > 0 {
		var names []string
		for _, c := range page.Commands {
			names = append(names, c.Term)
		}
		words := strings.Join(names, "|")
		if len(words) > mostWords {
			words = "COMMAND" // they are listed below
		}
		if page.Usage += " " + words; node.DefaultCmd != nil {
			page.Usage = page.Name + " [" + words + "]"
			page.Detail = append(page.Detail, fmt.Sprintf("Without a command it is `%s %s`.", page.Name, node.DefaultCmd.Name))
		}
	}
	for _, a := range node.Positional {
		page.Usage += " " + argument(a)
		page.Arguments = append(page.Arguments, Item{argument(a), describe(a)})
	}
	for _, f := range flags(node) {
		page.Flags = append(page.Flags, Item{term(f), describe(f.Value)})
	}
	if len(page.Flags) > 0 {
		page.Usage += " [FLAGS]"
	}
	page.Exits = exits(p.Exits, strings.Join(path(node)[1:], " "))
	return page
}

// path is the program's name and those of the commands down to a node.
func path(node *kong.Node) []string {
	if node.Parent == nil {
		return []string{node.Name}
	}
	return append(path(node.Parent), node.Name)
}

func visible(node *kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(node.Children), func(c *kong.Node) bool { return c.Hidden })
}

// groups are the commands of a program by their group, in the order of both.
func groups(node *kong.Node) []Group {
	var out []Group
	for _, c := range visible(node) {
		title := ""
		if c.Group != nil {
			title = c.Group.Title
		}
		i := slices.IndexFunc(out, func(g Group) bool { return g.Title == title })
		if i < 0 {
			i = len(out)
			out = append(out, Group{Title: title})
		}
		out[i].Commands = append(out[i].Commands, Item{c.Name, c.Help})
	}
	return out
}

// flags are those of a command and of the commands above it, without the program's.
func flags(node *kong.Node) []*kong.Flag {
	var out []*kong.Flag
	for n := node; n.Parent != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				out = append(out, f)
			}
		}
	}
	return out
}

// argument is a positional argument in a usage line: HOST, [HOST], [NAME...].
func argument(a *kong.Positional) string {
	text := strings.ToUpper(a.Name)
	if a.IsCumulative() {
		text += "..."
	}
	if !a.Required {
		text = "[" + text + "]"
	}
	return text
}

// describe is the meaning of an argument or a flag, with the values that it takes.
func describe(v *kong.Value) string {
	text := kong.DefaultHelpValueFormatter(v)
	for _, value := range enum(v) {
		if !strings.Contains(text, value) {
			return text + " One of " + strings.Join(enum(v), ", ") + "."
		}
	}
	return text
}

// enum are the values of an argument or a flag that takes only some.
func enum(v *kong.Value) []string {
	return slices.DeleteFunc(v.EnumSlice(), func(s string) bool { return s == "" })
}

// term is a flag with its value: -p, --package=NAME,...
func term(f *kong.Flag) string {
	text := "--" + f.Name
	if !f.IsBool() && !f.IsCounter() {
		value := strings.Trim(f.FormatPlaceHolder(), `"`)
		if value == "STRING" { // a type says less than a name
			value = strings.ToUpper(f.Name)
		}
		text += "=" + value
	}
	if f.Short != 0 {
		text = fmt.Sprintf("-%c, %s", f.Short, text)
	}
	return text
}

func paragraphs(text string) []string {
	var out []string
	for _, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// exits are the statuses of a command, those of every command among them unless it gives them
// another meaning.
func exits(all []Exit, command string) []Item {
	of := map[int]string{}
	for _, e := range all {
		if e.Command == "" && of[e.Status] == "" || e.Command == command {
			of[e.Status] = e.Meaning
		}
	}
	var out []Item
	for status := range 256 {
		if of[status] != "" {
			out = append(out, Item{fmt.Sprint(status), of[status]})
		}
	}
	return out
}
