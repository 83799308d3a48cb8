package kind

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rackhand/config/problem"
	"rackhand/provision/catalog"
)

func packageKind() Kind {
	return Kind{
		Name: catalog.KindPackage, Text: "A package, by its name.", Example: "nginx",
		Fields: map[string]Field{
			"ensure":          {Spec: Spec{Valid: packageEnsure}, Text: "present, latest, absent, purged (absent with its configuration), or an exact version", Default: catalog.Present, Examples: []string{"latest"}},
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

// packageEnsure finds misspelt words, and other programs' words. They would fail on the host
// alone, as versions that don't exist. Each version of dpkg and rpm has a digit.
func packageEnsure(text string) (hint string, err error) {
	known := []string{catalog.Present, catalog.Latest, catalog.Absent, catalog.Purged}
	if strings.ContainsAny(text, "0123456789") || slices.Contains(known, text) {
		return "", nil
	}
	switch text {
	case "installed", "true":
		hint = "write present, or nothing"
	case "held", "hold":
		hint = "write hold: true"
	case "removed", "uninstalled", "false":
		hint = "write absent"
	default:
		hint = problem.DidYouMean(text, known)
	}
	return hint, fmt.Errorf("%.40q is neither a word known here nor a version", text)
}
