package kind

import "rackhand/provision/catalog"

func packageKind() Kind {
	return Kind{
		Name: catalog.KindPackage, Text: "A package, by its name.", Example: "nginx",
		Fields: map[string]Field{
			"ensure":          {Text: "present, absent, or an exact version", Default: catalog.Present, Examples: []string{"absent"}},
			"with_dependants": {Spec: Spec{Type: Boolean}, Text: "other packages may be removed or downgraded with this change", Default: "false", Examples: []string{"true"}},
		},
		Make: func(title string, v Values) catalog.Resource {
			return catalog.Resource{Package: &catalog.Package{
				Name: title, Ensure: or(v.Text("ensure"), catalog.Present), WithDependants: isTrue(v.Bool("with_dependants")),
			}}
		},
	}
}
