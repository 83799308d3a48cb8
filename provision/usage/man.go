package usage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
)

// Man is the manual page of a command, or of the program, in the macros of man(7).
func (p Program) Man(node *kong.Node) string {
	page := p.Page(node)
	var b strings.Builder
	name := strings.ReplaceAll(page.Name, " ", "-")
	fmt.Fprintf(&b, ".TH %q 1 \"\" %q %q\n", strings.ToUpper(name), p.App.Name+" "+p.Version, "User Commands")
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(strings.TrimSuffix(page.Summary, ".")))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n%s\n", roff(page.Name), roff(strings.TrimPrefix(page.Usage, page.Name+" ")))
	if len(page.Detail) > 0 || len(page.Groups) == 0 {
		b.WriteString(".SH DESCRIPTION\n")
		for i, text := range append([]string{page.Summary}, page.Detail...) {
			if i > 0 {
				b.WriteString(".PP\n")
			}
			b.WriteString(roff(text) + "\n")
		}
	}
	for _, g := range page.Groups {
		manSection(&b, g.Title, g.Commands)
	}
	manSection(&b, "Commands", page.Commands)
	manSection(&b, "Arguments", page.Arguments)
	manSection(&b, "Options", page.Flags)
	manSection(&b, "Exit status", page.Exits)
	p.seeAlso(&b, node)
	return b.String()
}

func manSection(b *strings.Builder, title string, items []Item) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", roff(strings.ToUpper(title)))
	for _, i := range items {
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(i.Term), roff(i.Text))
	}
}

// seeAlso names the page above, and those below.
func (p Program) seeAlso(b *strings.Builder, node *kong.Node) {
	var names []string
	if node.Parent != nil {
		names = append(names, strings.Join(path(node.Parent), "-"))
	}
	for _, c := range visible(node) {
		names = append(names, strings.Join(path(c), "-"))
	}
	for i := range names {
		names[i] = `\fB` + roff(names[i]) + `\fR(1)`
	}
	if len(names) > 0 {
		fmt.Fprintf(b, ".SH SEE ALSO\n%s\n", strings.Join(names, ",\n"))
	}
}

// roff makes text fit for a line of roff: no character is a command or begins a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}

// WriteMan writes the pages of the program and of every command into a folder, as
// rackhand-image-build.1. It returns their names.
func (p Program) WriteMan(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var names []string
	var write func(node *kong.Node) error
	write = func(node *kong.Node) error {
		name := filepath.Join(dir, strings.Join(path(node), "-")+".1")
		if err := os.WriteFile(name, []byte(p.Man(node)), 0o644); err != nil {
			return err
		}
		names = append(names, name)
		for _, c := range visible(node) {
			if err := write(c); err != nil {
				return err
			}
		}
		return nil
	}
	return names, write(p.App.Node)
}
