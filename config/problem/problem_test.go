package problem_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rackhand/config/problem"
)

func TestString(t *testing.T) {
	p := problem.Problem{File: "a.yaml", Line: 3, Column: 4, Message: "wrong", Hint: "mend it", Text: "\tä: b"}
	want := "a.yaml:3:4: wrong\n     ä: b\n       ^\n    hint: mend it\n"
	if diff := cmp.Diff(want, p.String()); diff != "" {
		t.Error(diff)
	}
	// No line, no text, no hint; and a column beyond what is shown of the line.
	if got := (problem.Problem{File: "a.yaml", Message: "wrong"}).String(); got != "a.yaml: wrong\n" {
		t.Errorf("%q", got)
	}
	p.Column = 100
	if diff := cmp.Diff("a.yaml:3:100: wrong\n     ä: b\n    hint: mend it\n", p.String()); diff != "" {
		t.Error(diff)
	}
}

func TestErr(t *testing.T) {
	if err := (problem.Problems{}).Err(); err != nil {
		t.Errorf("no problems are %v", err)
	}
	err := problem.Problems{{File: "a", Message: "wrong"}, {File: "b", Message: "wrong too"}}.Err()
	if err == nil || err.Error() != "a: wrong\n\nb: wrong too" {
		t.Errorf("%v", err)
	}
	var ps problem.Problems
	if !errors.As(err, &ps) || len(ps) != 2 {
		t.Errorf("%v", ps)
	}
}

func TestListSortsAndShowsLines(t *testing.T) {
	var list problem.List
	add := func(file string, line, column int, message string) {
		list.Addf(problem.Place{File: file, Line: line, Column: column}, "", "%s", message)
	}
	add("b", 1, 1, "x")
	add("a", 10, 1, "x")
	add("a", 9, 2, "y")
	add("a", 9, 2, "x")
	add("a", 9, 2, "y")
	add("a", 0, 0, "whole")
	list.Source("a", func(n int) string { return string(rune('0'+n)) + "\x1b[31m\u202e" })
	var got []string
	for _, p := range list.Problems() {
		got = append(got, p.Place().String()+" "+p.Message+" "+p.Text)
	}
	want := []string{"a whole ", "a:9:2 x 9\uFFFD[31m\uFFFD", "a:9:2 y 9\uFFFD[31m\uFFFD", "a:10:1 x :\uFFFD[31m\uFFFD", "b:1:1 x "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"address", "bmc", "mac", "group", "budget"}
	for word, want := range map[string]string{
		"adress": "address", "Address": "address", "addres": "address", "addresss": "address", "adrdess": "address",
		"mca": "mac", "mak": "mac", "bcm": "bmc", "gruop": "group", "colour": "", "": "", "x": "",
	} {
		if got := problem.Nearest(word, known); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	if got := problem.DidYouMean("colour", known); got != "known here: address, bmc, budget, group, mac" {
		t.Error(got)
	}
	if got := problem.DidYouMean("colour", nil); got != "" {
		t.Error(got)
	}
}
