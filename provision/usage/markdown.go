package usage

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Markdown is the reference of all commands, grouped as in the help.
func (p Program) Markdown() string {
	var b strings.Builder
	for _, g := range groups(p.App.Node) {
		fmt.Fprintf(&b, "\n### %s\n", g.Title)
		for _, c := range g.Commands {
			p.markdown(&b, child(p.App.Node, c.Term))
		}
	}
	b.WriteString("\n### Exit codes\n| command | code | meaning |\n|---|---|---|\n")
	for _, e := range p.Exits {
		command := "every command"
		if e.Command != "" {
			command = "`" + e.Command + "`"
		}
		fmt.Fprintf(&b, "| %s | %d | %s |\n", command, e.Status, cell(e.Meaning))
	}
	return b.String()
}

// markdown writes a command and the commands below it.
func (p Program) markdown(b *strings.Builder, node *kong.Node) {
	page := p.Page(node)
	fmt.Fprintf(b, "\n#### %s\n`%s`\n", page.Name, page.Usage)
	for _, text := range append([]string{page.Summary}, page.Detail...) {
		fmt.Fprintf(b, "\n%s\n", text)
	}
	if items := append(page.Arguments, page.Flags...); len(items) > 0 {
		b.WriteString("\n| argument | meaning |\n|---|---|\n")
		for _, i := range items {
			fmt.Fprintf(b, "| `%s` | %s |\n", cell(i.Term), cell(i.Text))
		}
	}
	for _, c := range visible(node) {
		p.markdown(b, c)
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
