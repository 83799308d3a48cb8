package main

import (
	"encoding/json"
	"io"
)

// printJSON prints the output of --json: indented, with a newline at its end.
func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
