package kind

import (
	"cmp"
	"errors"
	"strings"

	"rackhand/provision/catalog"
)

func repositoryKind() Kind {
	return Kind{
		Name: catalog.KindRepository, Text: "A source of packages for apt or dnf, by its name.", Example: "vendor", Needs: "uris: https://packages.example.com/debian, suites: [stable], components: [main]",
		Fields: map[string]Field{
			"ensure":        {Spec: Spec{Type: OneOf, Known: []string{catalog.Present, catalog.Absent}}, Text: "present or absent", Default: catalog.Present, Examples: []string{catalog.Absent}},
			"uris":          {Spec: Spec{Type: Words}, Text: "where it is: http, https or file; more than one are mirrors of each other", Examples: []string{"https://packages.example.com/debian"}},
			"suites":        {Spec: Spec{Type: Words}, Text: "the suites of apt, such as bookworm; one that ends in a slash is a folder", Examples: []string{"[stable]"}},
			"components":    {Spec: Spec{Type: Words}, Text: "the components of apt", Examples: []string{"[main]"}},
			"architectures": {Spec: Spec{Type: Words}, Text: "the architectures of apt", Examples: []string{"[amd64]"}},
			"key":           {Text: "the public key that signs it, as PGP writes it in text", Examples: []string{`"-----BEGIN PGP PUBLIC KEY BLOCK-----"`}},
			"key_source":    {Spec: Spec{Type: Filename}, Text: "the key, as a file of templates/", Examples: []string{"vendor.asc"}},
			"unsigned":      {Spec: Spec{Type: Boolean}, Text: "its packages are installed without a signature", Default: "false", Examples: []string{"true"}},
			"enabled":       {Spec: Spec{Type: Boolean}, Text: "whether it is used", Default: "true", Examples: []string{"false"}},
		},
		Shape: func(w Written) (hint string, err error) {
			absent, _ := isAbsent(w)
			switch {
			case w.Has("key") && w.Has("key_source"):
				return "keep one of them", errors.New("key and key_source exclude each other")
			case !absent && !w.Has("uris"):
				return "add uris: https://...", errors.New("where is it?")
			}
			return "", nil
		},
		CheckTitle: func(title string) error {
			return checked(catalog.Resource{Repository: &catalog.Repository{Name: title, Ensure: catalog.Absent}})
		},
		Make: makeRepository,
	}
}

func makeRepository(title string, v Values) catalog.Resource {
	enabled := v.Bool("enabled")
	r := &catalog.Repository{
		Name: title, Ensure: cmp.Or(v.Text("ensure"), catalog.Present), URIs: v.List("uris"), Suites: v.List("suites"), Components: v.List("components"),
		Architectures: v.List("architectures"), Unsigned: isTrue(v.Bool("unsigned")), Disabled: enabled != nil && !*enabled,
	}
	if c := v.ContentOf("key", "key_source", ""); c.Text != "" || c.SHA256 != "" {
		// apt goes by the name: .asc is text, .gpg is binary.
		name := title + ".gpg"
		if strings.HasPrefix(strings.TrimSpace(c.Text), "-----BEGIN PGP") {
			name = title + ".asc"
		}
		r.Key = &catalog.File{
			Path: "/etc/apt/keyrings/" + name, Ensure: catalog.FileKind, Content: c.Text, SHA256: c.SHA256, Size: c.Size,
			Mode: "0644", Owner: "root", Group: "root", Sensitive: c.Sensitive,
		}
	}
	return catalog.Resource{Repository: r}
}
