package kind

import (
	"cmp"
	"errors"

	"rackhand/provision/catalog"
)

func blockKind() Kind {
	return Kind{
		Name: catalog.KindBlock, Text: "Lines of a file between two markers, by a name of your own.", Example: "cluster-hosts", Needs: "path: /etc/x, content: x",
		Fields: editedFields(map[string]Field{
			"content":       {Text: "its lines", Examples: []string{`"10.0.0.5 db"`}},
			"source":        {Spec: Spec{Type: Filename}, Text: "a text of templates/, copied as it is", Examples: []string{"hosts"}},
			"template":      {Spec: Spec{Type: Filename}, Text: "a template of templates/, rendered for the host", Examples: []string{"hosts"}},
			"marker":        {Text: "how the file's comments begin, and how they end if they do", Default: "'#'", Examples: []string{"//", "<!-- -->"}},
			"insert_after":  pattern("a new block goes behind the last line that matches", `"^127"`),
			"insert_before": pattern("a new block goes before the first line that matches", `"^ff02"`),
		}),
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{Block: &catalog.Block{Name: title, Ensure: catalog.Absent, Edited: catalog.Edited{Path: "/x"}}})
		},
		Shape: func(w Written) (hint string, err error) {
			given := contents(w)
			absent, known := isAbsent(w)
			switch {
			case given > 1:
				return "keep one of them", errors.New("content, source and template exclude each other")
			case known && absent && given > 0:
				return "", errors.New("ensure: absent takes no content")
			case known && !absent && given == 0:
				return "add content, source or template; or ensure: absent", errors.New("what shall be in it?")
			}
			return editedShape(w)
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Block: &catalog.Block{
				Name: title, Edited: edited(v), Ensure: cmp.Or(v.Text("ensure"), catalog.Present), Content: v.Body(catalog.MaxBody),
				Marker: v.Text("marker"), InsertAfter: v.Text("insert_after"), InsertBefore: v.Text("insert_before"),
			}}
		},
	}
}
