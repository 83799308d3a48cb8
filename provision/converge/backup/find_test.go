package backup

import (
	"strings"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 30, 12, minute, 0, 0, time.UTC) }
	entries := []Entry{
		{ID: 1, Path: "/a", Time: at(1)}, {ID: 2, Path: "/a/b", Time: at(2)}, {ID: 3, Path: "/a", Time: at(3)}, {ID: 4, Path: "/ab", Time: at(4)},
	}
	for _, tt := range []struct {
		name string
		id   int
		at   time.Time
		want int
		err  string
	}{
		{"/a", 0, time.Time{}, 3, ""},
		{"/a", 1, time.Time{}, 1, ""},
		{"/a", 2, time.Time{}, 0, "no backup 2 of /a"},
		{"/c", 0, time.Time{}, 0, "no backup of /c"},
		{"/a", 0, at(0), 1, ""},
		{"/a", 0, at(1), 3, ""},
		{"/a", 0, at(2), 3, ""},
		{"/a", 0, at(3), 0, "has not replaced the file since"},
	} {
		got, err := Find(entries, tt.name, tt.id, tt.at)
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) || tt.err == "" && (err != nil || got.ID != tt.want) {
			t.Errorf("%s, id %d, at %s: %d, %v", tt.name, tt.id, tt.at, got.ID, err)
		}
	}
	for name, want := range map[string]int{"": 4, "/a": 3, "/a/": 1, "/a/b": 1, "/": 4, "/none": 0} {
		if got := Under(entries, name); len(got) != want {
			t.Errorf("under %q: %v", name, got)
		}
	}
}
