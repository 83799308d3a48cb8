package main

import (
	"strings"
	"testing"
)

const run = `{"Time":"2026-01-01T00:00:00Z","Action":"start","Package":"m/a"}
{"Time":"2026-01-01T00:00:00Z","Action":"output","Package":"m/a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Time":"2026-01-01T00:00:03Z","Action":"output","Package":"m/a","Test":"TestGood","Output":"    a_test.go:1: nobody has to read this\n"}
{"Time":"2026-01-01T00:00:03Z","Action":"pass","Package":"m/a","Test":"TestGood","Elapsed":3}
{"Time":"2026-01-01T00:00:04Z","Action":"output","Package":"m/a","Test":"TestLeft","Output":"    a_test.go:9: there is no such kernel here\n"}
{"Time":"2026-01-01T00:00:04Z","Action":"skip","Package":"m/a","Test":"TestLeft","Elapsed":0}
{"Time":"2026-01-01T00:00:04Z","Action":"output","Package":"m/a","Output":"PASS\n"}
{"Time":"2026-01-01T00:00:04Z","Action":"output","Package":"m/a","Output":"ok  \tm/a\t4.0s\n"}
{"Time":"2026-01-01T00:00:04Z","Action":"pass","Package":"m/a","Elapsed":4}
go: downloading something
`

const badRun = `{"Time":"2026-01-01T00:01:05Z","Action":"output","Package":"m/b/c","Test":"TestBad","Output":"    b_test.go:1: one is two\n"}
{"Time":"2026-01-01T00:01:05Z","Action":"fail","Package":"m/b/c","Test":"TestBad/sub","Elapsed":61}
{"Time":"2026-01-01T00:01:05Z","Action":"fail","Package":"m/b/c","Test":"TestBad","Elapsed":61}
{"Time":"2026-01-01T00:01:05Z","Action":"output","Package":"m/b/c","Test":"TestDied","Output":"it was here\n"}
{"Time":"2026-01-01T00:01:05Z","Action":"output","Package":"m/b/c","Output":"panic: dead\n"}
{"Time":"2026-01-01T00:01:05Z","Action":"fail","Package":"m/b/c","Elapsed":62.5}
`

const brokenRun = `{"ImportPath":"m/d","Action":"build-output","Output":"d.go:1: no such thing\n"}
{"ImportPath":"m/d","Action":"build-fail"}
`

func TestTable(t *testing.T) {
	for name, c := range map[string]struct {
		in    string
		bad   bool
		shows []string // while it runs
		hides []string
		table []string
	}{
		"good": {
			in: run, shows: []string{"ok  \tm/a\t4.0s\n", "go: downloading something\n"}, hides: []string{"nobody has to read this", "PASS"},
			table: []string{"1 packages in 0 min 04 s", "4.0 s  a\n", "3.0 s  a TestGood\n", "a TestLeft: a_test.go:9: there is no such kernel here"},
		},
		"bad": {
			in: run + badRun, bad: true, shows: []string{"one is two", "=== has not ended: TestDied\nit was here\n", "panic: dead"},
			table: []string{"in 1 min 05 s; one after the other they take 1 min 06 s", "62.5 s  b/c  FAILED\n   4.0 s  a\n", "61.0 s  b/c TestBad  FAILED"},
		},
		"not built": {in: run + brokenRun, bad: true, shows: []string{"d.go:1: no such thing"}, table: []string{"Not built\nm/d"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			r, err := read(strings.NewReader(c.in), &out)
			if err != nil {
				t.Fatal(err)
			}
			table := r.table(20)
			t.Logf("%s\n%s", out.String(), table)
			if r.bad() != c.bad {
				t.Errorf("bad: %v", r.bad())
			}
			for _, want := range c.shows {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it doesn't show %q", want)
				}
			}
			for _, not := range c.hides {
				if strings.Contains(out.String(), not) {
					t.Errorf("it shows %q", not)
				}
			}
			for _, want := range c.table {
				if !strings.Contains(table, want) {
					t.Errorf("the table lacks %q", want)
				}
			}
			if strings.Contains(table, "TestBad/sub") {
				t.Error("the table counts a subtest beside its test")
			}
		})
	}
}
