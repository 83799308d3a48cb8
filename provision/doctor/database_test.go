package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rackhand.db")
	if got := Database(path, 1<<20, 90); len(got) != 0 {
		t.Errorf("without one: %+v", got)
	}
	for size, want := range map[int64]Level{1000: OK, 1 << 20: OK, 1<<20 + 1<<18: OK, 2 << 20: Warning} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		got := Database(path, 1<<20, 90)
		if len(got) != 1 || got[0].Level != want || !strings.Contains(got[0].Text, path) || (got[0].Hint == "") != (want == OK) {
			t.Errorf("%d bytes: %+v", size, got)
		}
	}
}
