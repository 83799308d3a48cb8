package backup

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Under are the copies of a file, or of all files below a directory; all with an empty name.
func Under(entries []Entry, name string) []Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool {
		return name != "" && e.Path != name && !strings.HasPrefix(e.Path, strings.TrimSuffix(name, "/")+"/")
	})
}

// Find finds a copy of a file: the one with an id, otherwise the file as it was at a time,
// otherwise the latest. A copy was made when the file was replaced, so the file at a time is
// the first copy made after it.
func Find(entries []Entry, name string, id int, at time.Time) (Entry, error) {
	var of []Entry
	for _, e := range entries {
		if e.Path == name {
			of = append(of, e)
		}
	}
	if len(of) == 0 {
		return Entry{}, fmt.Errorf("there is no backup of %s", name)
	}
	switch {
	case id != 0:
		i := slices.IndexFunc(of, func(e Entry) bool { return e.ID == id })
		if i < 0 {
			return Entry{}, fmt.Errorf("there is no backup %d of %s", id, name)
		}
		return of[i], nil
	case at.IsZero():
		return of[len(of)-1], nil
	}
	for _, e := range of {
		if e.Time.After(at) {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("the latest backup of %s was made at %s: the agent has not replaced the file since then", name, of[len(of)-1].Time.Local().Format(time.DateTime))
}
