package kind

import (
	"cmp"

	"rackhand/provision/catalog"
)

func groupKind() Kind {
	return Kind{
		Name: catalog.KindGroup, Text: "A group of the system, by its name.", Example: "deploy",
		Fields: map[string]Field{
			"ensure": ensureField(),
			"gid":    {Spec: Spec{Type: Number, Low: 0, High: catalog.MaxID}, Text: "its number", Examples: []string{"1200"}},
			"system": {Spec: Spec{Type: Boolean}, Text: "without a gid, it gets a number of the system's range", Default: "false", Examples: []string{"true"}},
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Group: &catalog.Group{
				Name: title, Ensure: cmp.Or(v.Text("ensure"), catalog.Present), GID: v.Number("gid"), System: isTrue(v.Bool("system")),
			}}
		},
	}
}
