package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/terminal"
)

// Audit writes the findings of an audit of BMCs: a row for each, with the BMCs that have it,
// why it matters, and what to do.
func Audit(out io.Writer, a provision.Audit) error {
	head := fmt.Sprintf("Audit of %s, %s", bmcs(a.BMCs), a.At.Local().Format(time.DateTime))
	if len(a.Findings) == 0 {
		_, err := fmt.Fprintf(out, "%s: nothing is wrong.\n", head)
		return err
	}
	if err := terminal.Paint(out, terminal.Bold, fmt.Sprintf("%s: %s\n\n", head, a.Summary())); err != nil {
		return err
	}
	table := &terminal.Table{Head: []string{"SEVERITY", "BMCS", "FINDING"}, Narrow: true}
	for _, f := range a.Findings {
		var names []string
		for _, b := range f.BMCs {
			names = append(names, OneLine(b.String(), mostText))
		}
		row := terminal.Row{Cells: []terminal.Cell{
			{Text: string(f.Severity), Style: severityStyle(f.Severity)}, {Text: fmt.Sprintf("%4d", len(f.BMCs))}, {Text: f.What, Style: severityStyle(f.Severity)},
		}, Below: []terminal.Cell{{Text: strings.Join(names, ", ")}, {Text: f.Why, Style: terminal.Faint}, {Text: f.Remedy.Text, Style: terminal.Bold}}}
		if f.Remedy.Command != "" {
			row.Below = append(row.Below, terminal.Cell{Text: OneLine(f.Remedy.Command, 2000), Style: terminal.Bold})
		}
		table.Rows = append(table.Rows, row)
	}
	return table.Write(out)
}

func severityStyle(s provision.Severity) terminal.Style {
	switch s {
	case provision.Critical:
		return terminal.Bad
	case provision.Warning:
		return terminal.Warn
	}
	return terminal.Plain
}

func bmcs(n int) string {
	if n == 1 {
		return "1 BMC"
	}
	return fmt.Sprintf("%d BMCs", n)
}
