package kind

import (
	"cmp"
	"errors"

	"rackhand/provision/catalog"
)

func iniKind() Kind {
	return Kind{
		Name: catalog.KindINI, Text: "A key of an INI file, by a name of your own.", Example: "journal-size", Needs: "path: /etc/x, key: x, value: x",
		Fields: editedFields(map[string]Field{
			"section":   {Spec: Spec{Empty: true}, Text: "the section, without brackets; without it, the lines before the first section", Examples: []string{"Journal"}},
			"key":       {Text: "the key", Examples: []string{"SystemMaxUse"}},
			"value":     {Spec: Spec{Empty: true}, Text: "its value", Examples: []string{"200M", `""`}},
			"separator": {Text: "what stands between key and value: one sign with its blanks", Default: `" = "`, Examples: []string{`"="`}},
			"multiple":  {Spec: Spec{Type: Boolean}, Text: "a key that is there several times is set everywhere", Default: "false", Examples: []string{"true"}},
		}),
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{INI: &catalog.INI{Name: title, Ensure: catalog.Absent, Key: "x", Edited: catalog.Edited{Path: "/x"}}})
		},
		Shape: func(w Written) (hint string, err error) {
			absent, known := isAbsent(w)
			switch {
			case !w.Has("key"):
				return "add key", errors.New("which key?")
			case known && !absent && !w.Has("value"):
				return `add value; "" is an empty one`, errors.New("which value?")
			}
			return editedShape(w)
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{INI: &catalog.INI{
				Name: title, Edited: edited(v), Ensure: cmp.Or(v.Text("ensure"), catalog.Present), Section: v.Text("section"), Key: v.Text("key"),
				Value: v.Text("value"), Separator: v.Text("separator"), Multiple: isTrue(v.Bool("multiple")),
			}}
		},
	}
}
