package main

import (
	"encoding/json"
	"io"
)

// jsonFlag is shared by the commands that print data.
type jsonFlag struct {
	JSON bool `name:"json" help:"As JSON."`
}

// printJSON prints the output of --json: indented, with a newline at its end.
func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
