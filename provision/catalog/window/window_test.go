package window

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"Sat 02:00-04:00":      "Sat 120-240",
		"sat 02:00 - 04:00":    "Sat 120-240",
		"Mon-Fri 22:00-02:00":  "Mon Tue Wed Thu Fri 1320-120",
		"Sat-Mon 22:00-24:00":  "Sun Mon Sat 1320-1440",
		"Sat,Tue 22:00-00:00":  "Tue Sat 1320-1440",
		"03:00-05:00":          "Sun Mon Tue Wed Thu Fri Sat 180-300",
		"":                     "!not a maintenance window",
		"Sat":                  "!not a maintenance window",
		"Sat 2:00-4:00":        "!not a maintenance window",
		"Sam 02:00-04:00":      "!not a day",
		"Sat- 02:00-04:00":     "!not a day",
		"Sat, 02:00-04:00":     "!not a day",
		"Sat 02:00-02:00":      "!different times",
		"Sat 02:60-04:00":      "!begins at",
		"Sat 24:00-04:00":      "!begins at",
		"Sat 02:00-24:01":      "!ends at",
		"Sat 99:99-99:99":      "!begins at",
		"Sat 02:00-04:00 long": "!not a maintenance window",
	} {
		w, err := Parse(text)
		if word, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%q: %v, want an error with %q", text, err, word)
			}
			continue
		}
		got := ""
		for d, on := range w.Days {
			if on {
				got += time.Weekday(d).String()[:3] + " "
			}
		}
		got += strconv.Itoa(w.Start) + "-" + strconv.Itoa(w.End)
		if err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestZone(t *testing.T) {
	for name, ok := range map[string]bool{"": true, "UTC": true, "Europe/Berlin": true, "Local": false, "Berlin": false, "../etc/passwd": false, "CET": true} {
		if _, err := ParseSet([]string{"02:00-04:00"}, name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := ParseSet(make([]string, MaxWindows+1), ""); err == nil || !strings.Contains(err.Error(), "at most 20") {
		t.Errorf("too many: %v", err)
	}
}

// TestOpen: whether windows are open, and when they open next, across midnight, the week's
// end and the two changes of summer time.
func TestOpen(t *testing.T) {
	const berlin = "Europe/Berlin"
	for _, tt := range []struct {
		windows    []string
		zone       string
		at         string // UTC
		open       bool
		next, show string
	}{
		{nil, "", "2026-12-01T12:00:30Z", true, "2026-12-01T12:00:30Z", "Tue 1 Dec 12:00 UTC"},
		{[]string{"Sat 02:00-04:00"}, "", "2026-12-05T01:59:59Z", false, "2026-12-05T02:00:00Z", "Sat 5 Dec 02:00 UTC"},
		{[]string{"Sat 02:00-04:00"}, "", "2026-12-05T02:00:00Z", true, "2026-12-05T02:00:00Z", "Sat 5 Dec 02:00 UTC"},
		{[]string{"Sat 02:00-04:00"}, "", "2026-12-05T03:59:59Z", true, "2026-12-05T03:59:59Z", "Sat 5 Dec 03:59 UTC"},
		{[]string{"Sat 02:00-04:00"}, "", "2026-12-05T04:00:00Z", false, "2026-12-12T02:00:00Z", "Sat 12 Dec 02:00 UTC"},
		// In Berlin it is an hour later.
		{[]string{"Sat 02:00-04:00"}, berlin, "2026-12-05T00:59:00Z", false, "2026-12-05T01:00:00Z", "Sat 5 Dec 02:00 CET"},
		{[]string{"Sat 02:00-04:00"}, berlin, "2026-07-04T00:00:00Z", true, "2026-07-04T00:00:00Z", "Sat 4 Jul 02:00 CEST"},
		// Across midnight, and from Sunday into Monday.
		{[]string{"Fri 22:00-02:00"}, "", "2026-12-05T01:59:00Z", true, "2026-12-05T01:59:00Z", "Sat 5 Dec 01:59 UTC"},
		{[]string{"Fri 22:00-02:00"}, "", "2026-12-05T22:30:00Z", false, "2026-12-11T22:00:00Z", "Fri 11 Dec 22:00 UTC"},
		{[]string{"Sun 23:00-01:00"}, "", "2026-12-07T00:30:00Z", true, "2026-12-07T00:30:00Z", "Mon 7 Dec 00:30 UTC"},
		// The nearest of several.
		{[]string{"Sat 02:00-04:00", "Wed 12:00-12:30"}, "", "2026-12-01T12:00:30Z", false, "2026-12-02T12:00:00Z", "Wed 2 Dec 12:00 UTC"},
		// On 29 March 2026 the clock goes from 02:00 to 03:00: an hour of the window is left out.
		{[]string{"Sun 02:00-04:00"}, berlin, "2026-03-29T00:59:00Z", false, "2026-03-29T01:00:00Z", "Sun 29 Mar 03:00 CEST"},
		{[]string{"Sun 02:00-03:00"}, berlin, "2026-03-29T00:59:00Z", false, "2026-04-05T00:00:00Z", "Sun 5 Apr 02:00 CEST"},
		{[]string{"Sun 02:00-03:00"}, berlin, "2026-03-22T02:00:00Z", false, "2026-04-05T00:00:00Z", "Sun 5 Apr 02:00 CEST"},
		// On 25 October 2026 the hour from 02:00 comes twice: the window is open in both.
		{[]string{"Sun 02:00-03:00"}, berlin, "2026-10-25T00:30:00Z", true, "2026-10-25T00:30:00Z", "Sun 25 Oct 02:30 CEST"},
		{[]string{"Sun 02:00-03:00"}, berlin, "2026-10-25T01:30:00Z", true, "2026-10-25T01:30:00Z", "Sun 25 Oct 02:30 CET"},
		{[]string{"Sun 02:00-03:00"}, berlin, "2026-10-25T02:00:00Z", false, "2026-11-01T01:00:00Z", "Sun 1 Nov 02:00 CET"},
		// A zone that is half an hour off.
		{[]string{"Mon 09:00-09:10"}, "Asia/Kolkata", "2026-12-07T03:20:00Z", false, "2026-12-07T03:30:00Z", "Mon 7 Dec 09:00 IST"},
	} {
		s, err := ParseSet(tt.windows, tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		next := s.Next(at)
		if s.Open(at) != tt.open || next.UTC().Format(time.RFC3339) != tt.next || s.Show(next) != tt.show {
			t.Errorf("%v %s at %s: open %v, next %s, %q; want %v, %s, %q", tt.windows, tt.zone, tt.at, s.Open(at), next.UTC().Format(time.RFC3339), s.Show(next), tt.open, tt.next, tt.show)
		}
	}
}

// FuzzParse: a window is refused, or opens at some time.
func FuzzParse(f *testing.F) {
	f.Add("Sat 02:00-04:00")
	f.Add("Mon-Fri,Sun 22:00-02:00")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSet([]string{text}, "")
		if err != nil {
			return
		}
		at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
		if next := s.Next(at); next.IsZero() || next.Before(at) || !s.Open(next) {
			t.Fatalf("%q opens at %s", text, next)
		}
	})
}
