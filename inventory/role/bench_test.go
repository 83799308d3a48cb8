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
