package kind

import (
	"cmp"

	"rackhand/provision/catalog"
)

func packageKind() Kind {
	return Kind{
		Name: catalog.KindPackage, Text: "A package, by its name.", Example: "nginx",
		Fields: map[string]Field{
			"ensure":          {Text: "present, latest, absent, purged (absent with its configuration), or an exact version", Default: catalog.Present, Examples: []string{"latest"}},
			"release":         {Text: "the release of apt's sources from which it is installed or upgraded", Examples: []string{"bookworm-backports"}},
			"hold":            {Spec: Spec{Type: Boolean}, Text: "whether other tools are kept from changing its version", Examples: []string{"true"}},
			"with_dependants": {Spec: Spec{Type: Boolean}, Text: "other packages may be removed or downgraded with this change", Default: "false", Examples: []string{"true"}},
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Package: &catalog.Package{
				Name: title, Ensure: cmp.Or(v.Text("ensure"), catalog.Present), Release: v.Text("release"), Hold: v.Bool("hold"),
				WithDependants: isTrue(v.Bool("with_dependants")),
			}}
		},
	}
}
