package usage

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"rackhand/config/problem"
	"rackhand/provision/terminal"
)

// mostTerm is the widest term that has its meaning on the same line, in columns.
const mostTerm = 24

// Help writes the page of a command, or the list of all commands.
func (p Program) Help(out io.Writer, node *kong.Node) error {
	page, width := p.Page(node), terminal.Width(out)
	var b strings.Builder
	if len(page.Groups) > 0 {
		fmt.Fprintf(&b, "Usage: %s\n%s\n", page.Usage, terminal.Indent("", page.Summary, width))
		longest := 0
		for _, g := range page.Groups {
			longest = max(longest, termWidth(g.Commands))
		}
		for _, g := range page.Groups {
			b.WriteString(g.Title + "\n" + list(g.Commands, longest, width) + "\n")
		}
		fmt.Fprintf(&b, "More: `%s help COMMAND`, `%[1]s help exit-codes`.\n", page.Name)
		_, err := io.WriteString(out, b.String())
		return err
	}
	b.WriteString(hang("Usage: ", page.Usage, width))
	for _, text := range append([]string{page.Summary}, page.Detail...) {
		b.WriteString("\n" + terminal.Indent("", text, width))
	}
	for _, section := range []struct {
		title string
		items []Item
	}{{"Commands", page.Commands}, {"Arguments", page.Arguments}, {"Flags", page.Flags}, {"Exit codes", page.Exits}} {
		if len(section.items) > 0 {
			b.WriteString("\n" + section.title + "\n" + list(section.items, termWidth(section.items), width))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// ExitCodes writes all exit codes: those of every command, then those of some.
func (p Program) ExitCodes(out io.Writer) error {
	var every, some []Item
	longest := 0
	for _, e := range p.Exits {
		longest = max(longest, len(e.Command))
	}
	for _, e := range p.Exits {
		if e.Command == "" {
			every = append(every, Item{fmt.Sprint(e.Status), e.Meaning})
		} else {
			some = append(some, Item{fmt.Sprintf("%-*s %3d", longest, e.Command, e.Status), e.Meaning})
		}
	}
	width := terminal.Width(out)
	_, err := fmt.Fprintf(out, "Exit codes of every command\n%s\nExit codes of some commands, instead of these\n%s",
		list(every, termWidth(every), width), list(some, termWidth(some), width))
	return err
}

func termWidth(items []Item) int {
	longest := 0
	for _, i := range items {
		if n := utf8.RuneCountInString(i.Term); n <= mostTerm {
			longest = max(longest, n)
		}
	}
	return longest
}

// list writes terms with their meanings beside them, or below a long term.
func list(items []Item, longest, width int) string {
	var b strings.Builder
	for _, i := range items {
		head := fmt.Sprintf("  %-*s  ", longest, i.Term)
		if utf8.RuneCountInString(i.Term) > longest {
			fmt.Fprintf(&b, "  %s\n", i.Term)
			head = strings.Repeat(" ", longest+4)
		}
		b.WriteString(hang(head, i.Text, width))
	}
	return b.String()
}

// hang writes a text behind a head; further lines begin below the text.
func hang(head, text string, width int) string {
	deep := utf8.RuneCountInString(head)
	lines := terminal.Wrap(text, 0, max(width-deep, 20))
	return strings.TrimRight(head+strings.Join(lines, "\n"+strings.Repeat(" ", deep)), " ") + "\n"
}

// unknown is the error about a command that doesn't exist.
func unknown(node *kong.Node, word string) error {
	var names []string
	for _, c := range visible(node) {
		names = append(names, c.Name)
	}
	text := fmt.Sprintf("there is no command %q", strings.Join(append(path(node), word)[1:], " "))
	if near := problem.Nearest(word, names); near != "" {
		text += fmt.Sprintf(": did you mean %q?", near)
	}
	return errors.New(text)
}

// Mistake is what to say of a command line that can't be parsed: why, and where it is
// explained.
func (p Program) Mistake(err error) string {
	see := p.App.Name + " help"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if node := parse.Context.Selected(); node != nil {
			see = strings.Join(append([]string{see}, path(node)[1:]...), " ")
		}
	}
	return fmt.Sprintf("%s: %s\nsee `%s`\n", p.App.Name, named(err.Error()), see)
}

// named writes the arguments in an error of the parser as help does: HOST, not "<host>".
func named(text string) string {
	if rest, ok := strings.CutPrefix(text, `expected "<`); ok {
		return "missing: " + strings.ToUpper(strings.NewReplacer("<", "", ">", "", `"`, "").Replace(rest))
	}
	if rest, ok := strings.CutPrefix(text, "<"); ok {
		name, rest, _ := strings.Cut(rest, ">")
		return strings.ToUpper(name) + rest
	}
	return text
}
