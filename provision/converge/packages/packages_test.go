package packages

import (
	"context"
	"slices"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
)

func TestNotFoundWords(t *testing.T) {
	all := []catalog.Package{{Name: "nosuch"}, {Name: "nginx"}, {Name: "libjpeg-turbo8"}, {Name: "zlib1g:i386"}, {Name: "fine"}}
	// As apt 2.6.1 says it.
	got := notFound(`Reading package lists...
E: Unable to locate package nosuch
E: Version '99' for 'nginx' was not found
E: Package 'libjpeg-turbo8' has no installation candidate
E: Unable to locate package zlib1g:i386
E: Unable to locate package unasked
`, all)
	if len(got) != 4 || got["fine"] != "" {
		t.Errorf("got %q", got)
	}
}

type fixedOutput string

func (o fixedOutput) Run(context.Context, []string, ...string) (command.Output, error) {
	return command.Output{Stdout: string(o)}, nil
}

func FuzzQuery(f *testing.F) {
	f.Add("nginx\tamd64\tii \t1.0\n", "nginx")
	f.Add("a\t\ti\t\n\t\t\t\n", "a:i386")
	f.Fuzz(func(t *testing.T, output, name string) {
		got, err := (&Apt{Runner: fixedOutput(output)}).Query(t.Context(), []catalog.Package{{Name: name, Ensure: catalog.Latest}})
		if err != nil {
			t.Fatal(err)
		}
		for asked := range got {
			if !slices.Contains([]string{name}, asked) {
				t.Fatalf("asked for %q, told about %q", name, asked)
			}
		}
		notFound(output, []catalog.Package{{Name: name}})
	})
}

func FuzzShowpkg(f *testing.F) {
	f.Add("Package: a\nVersions: \n1 (x)\n\nReverse Depends: \n  b,a\nDependencies: \nProvides: \nReverse Provides: \nc 1 (= )\n")
	f.Fuzz(func(_ *testing.T, text string) { parseShowpkg(text) })
}
