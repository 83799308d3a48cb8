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
	for _, n := range []int{250, 500, 1000, 2000} {
		dir := b.TempDir()
		text := bigRole(n/10, n-n/10, 0)
		if err := os.WriteFile(filepath.Join(dir, "r.yaml"), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
		set, problems := Load(dir)
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				if _, err := set.Compile([]string{"r"}, testInput(dir)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
