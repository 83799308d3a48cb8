package show

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"rackhand/provision/hostfacts"
	"rackhand/provision/terminal"
)

// Facts writes what a host's agent has said of it, a value a line: os.id, disks.0.size.
func Facts(out io.Writer, k hostfacts.Kept, now time.Time) error {
	var facts any
	d := json.NewDecoder(bytes.NewReader(k.Facts))
	d.UseNumber()
	if err := d.Decode(&facts); err != nil {
		return fmt.Errorf("the facts of %s can't be read: %w", k.Host, err)
	}
	fmt.Fprintf(out, "facts of %s, received %s ago\n", OneLine(k.Host, 80), elapsed(k.Received, now))
	table := &terminal.Table{}
	addFact(table, "", facts)
	return table.Write(out)
}

func addFact(table *terminal.Table, path string, v any) {
	below := func(name string) string {
		if path == "" {
			return name
		}
		return path + "." + name
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			addFact(table, below(name), v[name])
		}
	case []any:
		for i, x := range v {
			addFact(table, below(fmt.Sprint(i)), x)
		}
	default:
		table.Add(OneLine(path, 200), OneLine(cmp.Or(fmt.Sprint(v), "-"), 2000))
	}
}
