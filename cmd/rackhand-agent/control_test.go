package main

import (
	"testing"
	"time"
)

func TestParseUntil(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 24, 17, 30, 0, 0, berlin) // summer time ends in the night that follows
	for text, want := range map[string]string{
		"90m": "2026-10-24T19:00:00+02:00", "2h": "2026-10-24T19:30:00+02:00", "1d": "2026-10-25T16:30:00+01:00",
		"18:00": "2026-10-24T18:00:00+02:00", "17:30": "2026-10-25T17:30:00+01:00", "09:15": "2026-10-25T09:15:00+01:00",
		"2026-12-01": "2026-12-01T00:00:00+01:00", "2026-12-01 18:00": "2026-12-01T18:00:00+01:00", "2026-12-01T18:00": "2026-12-01T18:00:00+01:00",
		"2026-12-01T18:00:00Z": "2026-12-01T18:00:00Z",
		"":                     "", "0d": "", "-1h": "", "-3d": "", "1.5d": "", "25:00": "", "soon": "", "99999d": "", "18": "",
	} {
		got, err := parseUntil(text, now)
		if want == "" && err == nil || want != "" && (err != nil || got.Format(time.RFC3339) != want) {
			t.Errorf("%q: %s, %v; want %q", text, got.Format(time.RFC3339), err, want)
		}
	}
}
