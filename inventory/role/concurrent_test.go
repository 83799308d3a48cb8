package role

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Catalogs of several hosts are compiled at the same time, from the same conditions.
func TestCompileConcurrently(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "r.yaml"), []byte(conditionalRole(50)), 0o644); err != nil {
		t.Fatal(err)
	}
	set, problems := Load(dir)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var all sync.WaitGroup
	for threads := range 4 {
		all.Go(func() {
			in := testInput("")
			in.Facts = map[string]any{"os": map[string]any{"id": "debian"}, "cpu": map[string]any{"threads": threads}}
			c, err := set.Compile([]string{"r"}, in)
			if err != nil || len(c.Catalog.Resources) < 15 || len(c.Catalog.Resources) > 17 {
				t.Errorf("%d: %v, %v", threads, c, err)
			}
		})
	}
	all.Wait()
}
