package kickstart

import (
	"os"
	"strings"
	"testing"
)

// BenchmarkCheck is the check of one host's file: a rack of 1,000 is checked at once.
func BenchmarkCheck(b *testing.B) {
	text, err := os.ReadFile("testdata/good.ks")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		f, err := Parse("good.ks", text)
		if err != nil {
			b.Fatal(err)
		}
		if problems, err := Check(f, RHEL9); err != nil || len(problems) > 0 {
			b.Fatal(err, problems)
		}
	}
}

// BenchmarkCheckHostile is the check of files of the largest size with little else
// than trouble in them.
func BenchmarkCheckHostile(b *testing.B) {
	for _, c := range []struct{ name, line string }{
		{"unknown commands", "prat\n"},
		{"good lines", "reboot\n"},
		{"members", "volgroup v" + strings.Repeat(" pv.1", 200) + "\n"},
		{"options", "network" + strings.Repeat(" --device=a", 200) + "\n"},
		{"unknown options", "network" + strings.Repeat(" --devices=a", 200) + "\n"},
		{"sections", "%post\n%end\n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			text := []byte(strings.Repeat(c.line, MaxSize/len(c.line)))
			for b.Loop() {
				f, err := Parse("b.ks", text)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Check(f, RHEL9); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
