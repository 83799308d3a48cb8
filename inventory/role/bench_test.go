package role

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bigRole is a role of the given numbers of packages, files and folders, and services.
func bigRole(packages, files, services int) string {
	var b strings.Builder
	b.WriteString("resources:\n")
	for i := range packages {
		fmt.Fprintf(&b, "  - package: p%d\n", i)
	}
	for i := range services {
		fmt.Fprintf(&b, "  - service: p%d\n    running: true\n", i)
	}
	for i := range files {
		switch {
		case i%20 == 0:
			fmt.Fprintf(&b, "  - file: /etc/d%d\n    ensure: directory\n", i)
		default:
			fmt.Fprintf(&b, "  - file: /etc/d%d/f%d\n    content: \"${host.name}\"\n", i/20*20, i)
			if services > 0 {
				fmt.Fprintf(&b, "    notify: service[p%d]\n", i%services)
			}
		}
	}
	return b.String()
}

// mixedRoles are roles of so many resources: a tenth of them comes from an included role with
// parameters, a tenth from each over a list.
func mixedRoles(n int) map[string]string {
	const includes = 50
	var b, site strings.Builder
	items := make([]string, n/10)
	for i := range items {
		items[i] = fmt.Sprint(i)
	}
	fmt.Fprintf(&b, "parameters:\n  sites: {type: list(int), default: [%s]}\ninclude:\n", strings.Join(items, ", "))
	for i := range includes {
		fmt.Fprintf(&b, "  - {role: site, with: {name: s%d, port: %d}}\n", i, 8000+i)
	}
	b.WriteString(bigRole(n/20, n-2*(n/10)-n/20-n/50, n/50))
	b.WriteString("  - file: /srv/site${site.value}\n    each: ${param.sites}\n    as: site\n    content: ${site.key} of ${host.name}\n")
	site.WriteString("parameters:\n  name: {type: string}\n  port: {type: port}\nresources:\n")
	for i := range n / 10 / includes {
		fmt.Fprintf(&site, "  - file: /srv/${param.name}-%d\n    content: listen ${param.port};\n    mode: 0644\n", i)
	}
	return map[string]string{"r": b.String(), "site": site.String()}
}

// conditionalRole is a role of files under conditions, one third of which hold.
func conditionalRole(files int) string {
	var b strings.Builder
	b.WriteString("parameters:\n  sites: {type: map(record), default: {}, fields: {n: {type: int}}}\nresources:\n")
	for i := range files {
		fmt.Fprintf(&b, "  - file: /etc/f%d\n    content: ${facts.os.id}\n    when: facts.cpu.threads %% 3 == %d and host.name startsWith \"web\" and len(param.sites) < %d\n", i, i%3, i+1)
	}
	return b.String()
}

// Reading a role, of which each condition is another, and compiling it.
func BenchmarkWhen(b *testing.B) {
	text := conditionalRole(1000)
	b.Run("parse", func(b *testing.B) {
		for range b.N {
			if _, problems := parse("r", []byte(text)); len(problems) > 0 {
				b.Fatal(problems)
			}
		}
	})
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "r.yaml"), []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	set, _ := Load(dir)
	in := testInput(dir)
	in.Facts = map[string]any{"os": map[string]any{"id": "debian"}, "cpu": map[string]any{"threads": 8}}
	b.Run("compile", func(b *testing.B) {
		for range b.N {
			if _, err := set.Compile([]string{"r"}, in); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{1000, 2000, 10000} {
		dir := b.TempDir()
		for name, text := range mixedRoles(n) {
			if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
		}
		set, problems := Load(dir)
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				c, err := set.Compile([]string{"r"}, testInput(dir))
				if err != nil {
					b.Fatal(err)
				}
				if got := len(c.Catalog.Resources); got != n {
					b.Fatalf("%d resources, want %d", got, n)
				}
			}
		})
	}
}
