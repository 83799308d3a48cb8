package installer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"rackhand/provision/installer/plan"
	"rackhand/provision/installer/report"
	"rackhand/templates/kickstart"
)

// joinLines joins lines to as few messages of at most size bytes as possible, because the
// journal limits events of one kind by the minute.
func joinLines(lines []string, size int) []string {
	var out []string
	for _, l := range lines {
		l = report.ClipText(l, size)
		if last := len(out) - 1; last >= 0 && len(out[last])+1+len(l) <= size {
			out[last] += "\n" + l
			continue
		}
		out = append(out, l)
	}
	return out
}

// reportSkipped reports the parts of the Kickstart that were skipped.
func (m *machine) reportSkipped(lines []string) {
	for _, text := range joinLines(lines, 1800) {
		m.Event(report.Event{Kind: "passed-over", Level: "warn", Message: text})
	}
}

// included is the recipe with the files that %pre has written, read and checked again as a
// whole. No disk has been looked at yet. Without %include it is the recipe itself.
func (m *machine) included(r *plan.Recipe, way plan.ReadOptions) (*plan.Recipe, error) {
	if r.WithIncludes == nil {
		return r, nil
	}
	f, err := kickstart.Include(r.WithIncludes, readIncluded)
	if err != nil {
		return nil, &plan.Failure{Kind: plan.FailKickstart, Err: err}
	}
	whole, err := plan.ReadAs(f, way)
	if err != nil {
		return nil, err
	}
	whole.Secrets = append(whole.Secrets, r.Secrets...)
	m.hide(whole)
	m.onError = whole.OnError
	m.reportSkipped(slices.DeleteFunc(whole.Skipped, func(l string) bool { return slices.Contains(r.Skipped, l) }))
	return whole, nil
}

// readIncluded reads a file of the installer's, bounded.
func readIncluded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; a %%pre has to write it", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, kickstart.MaxSize+1))
	if err == nil && len(text) > kickstart.MaxSize {
		err = errors.New("it is larger than 4 MiB")
	}
	return text, err
}
