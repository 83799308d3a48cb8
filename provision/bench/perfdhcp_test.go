package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParsePerfdhcp(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, c := range []struct {
		name, report    string
		sent, completed int
		wrong           string
	}{
		{name: "answered", report: read("perfdhcp-answered.txt"), sent: 41999, completed: 35157},
		{name: "no server", report: read("perfdhcp-silence.txt"), sent: 9, completed: 0},
		{name: "it did not start", report: "Failed to bind socket: Address already in use\n", wrong: "Address already in use"},
		{name: "not a count", report: "***Statistics for: DISCOVER-OFFER***\nsent packets: many\n", wrong: `"sent packets: many" isn't a count`},
		{name: "half a report", report: "***Statistics for: DISCOVER-OFFER***\nsent packets: 4\n", wrong: "lacks its counts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sent, completed, err := parsePerfdhcp(c.report)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Fatalf("error %v, want %q in it", err, c.wrong)
				}
				return
			}
			if err != nil || sent != c.sent || completed != c.completed {
				t.Errorf("%d sent, %d completed, %v; want %d, %d", sent, completed, err, c.sent, c.completed)
			}
		})
	}
}

func FuzzParsePerfdhcp(f *testing.F) {
	f.Add("***Statistics for: DISCOVER-OFFER***\nsent packets: 4\n***Statistics for: REQUEST-ACK***\nreceived packets: 4\n")
	f.Fuzz(func(t *testing.T, report string) {
		if sent, completed, err := parsePerfdhcp(report); err == nil && (sent < 0 || completed < 0) {
			t.Errorf("%d sent, %d completed", sent, completed)
		}
	})
}
