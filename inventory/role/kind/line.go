package kind

import (
	"cmp"
	"errors"

	"rackhand/provision/catalog"
)

func lineKind() Kind {
	return Kind{
		Name: catalog.KindLine, Text: "A line of a file, by a name of your own.", Example: "root-login", Needs: "path: /etc/x, text: x",
		Fields: editedFields(map[string]Field{
			"text":          {Text: "the line", Examples: []string{`"PermitRootLogin no"`}},
			"match":         pattern("the line that it replaces, or that is to be absent", `"^#?PermitRootLogin "`),
			"multiple":      {Spec: Spec{Type: Boolean}, Text: "several lines may match", Default: "false", Examples: []string{"true"}},
			"insert_after":  pattern("a new line goes behind the last line that matches", `"^Include "`),
			"insert_before": pattern("a new line goes before the first line that matches", `"^Match "`),
		}),
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{Line: &catalog.Line{Name: title, Ensure: catalog.Absent, Text: "x", Edited: catalog.Edited{Path: "/x"}}})
		},
		Shape: func(w Written) (hint string, err error) {
			absent, known := isAbsent(w)
			switch {
			case known && !absent && !w.Has("text"):
				return "add text", errors.New("which line?")
			case known && absent && !w.Has("text") && !w.Has("match"):
				return "add text or match", errors.New("which line?")
			}
			return editedShape(w)
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Line: &catalog.Line{
				Name: title, Edited: edited(v), Ensure: cmp.Or(v.Text("ensure"), catalog.Present), Text: v.Text("text"), Match: v.Text("match"),
				Multiple: isTrue(v.Bool("multiple")), InsertAfter: v.Text("insert_after"), InsertBefore: v.Text("insert_before"),
			}}
		},
	}
}
