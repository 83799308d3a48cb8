package schema

import (
	"testing"

	"rackhand/config/problem"
)

func TestPlaceIn(t *testing.T) {
	tests := map[string]struct {
		text         string
		line, column int
		want         string
	}{
		"plain":            {"a: b == c", 1, 3, "f:1:6"},
		"plain after é":    {"é: b == c", 1, 3, "f:1:6"},
		"double quotes":    {`a: "b == c"`, 1, 3, "f:1:7"},
		"single quotes":    {`a: 'b == c'`, 1, 3, "f:1:7"},
		"its end":          {`a: 'b'`, 1, 2, "f:1:6"},
		"beyond its end":   {`a: 'b'`, 1, 3, "f:1:4"},
		"escapes":          {`a: "b\t== c"`, 1, 3, "f:1:4"},
		"literal":          {"a: |\n  b ==\n  c", 2, 1, "f:3:3"},
		"literal, indents": {"a: |\n  b ==\n    c", 2, 3, "f:3:5"},
		"folded":           {"a: >\n  b ==\n  c", 1, 2, "f:1:4"},
		"plain, two lines": {"a: b ==\n  c", 1, 6, "f:1:4"},
		"no such line":     {"a: b", 2, 1, "f:1:4"},
	}
	for name, tt := range tests {
		var list problem.List
		root, ok := Parse("f", []byte(tt.text), &list)
		if !ok {
			t.Fatal(list.Problems())
		}
		root.Each("f", func(_ string, _, value Node) {
			if got := value.PlaceIn(tt.line, tt.column).String(); got != tt.want {
				t.Errorf("%s: %s; want %s", name, got, tt.want)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	const text = "a:\n  b: {c: [x, {d: y}], e: z}\n  é: {c: [x]}\nl:\n  - a: 1\n    b: 2\n"
	var list problem.List
	root, ok := Parse("f", []byte(text), &list)
	if !ok {
		t.Fatal(list.Problems())
	}
	for _, tt := range []struct {
		line, column int
		path         []string
		want         string
	}{
		{2, 6, nil, "f:2:6"},
		{2, 6, []string{"e"}, "f:2:26"},
		{2, 6, []string{"c", "2", "d"}, "f:2:18"},
		{2, 6, []string{"c", "3", "d"}, "f:2:10"},
		{2, 6, []string{"none"}, "f:2:6"},
		{2, 3, []string{"é", "c", "1"}, "f:3:11"},
		{5, 5, []string{"b"}, "f:6:8"},
		{5, 3, []string{"1", "b"}, "f:6:8"},
		{9, 9, []string{"b"}, "f:9:9"},
	} {
		at := problem.Place{File: "f", Line: tt.line, Column: tt.column}
		if got := root.File().Within(at, tt.path).String(); got != tt.want {
			t.Errorf("%v %v: %s; want %s", at, tt.path, got, tt.want)
		}
	}
}
