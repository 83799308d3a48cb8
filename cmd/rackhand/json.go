package main

import (
	"encoding/json"
	"io"
)

// printJSON is what --json prints: indented, with a newline at its end.
func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
