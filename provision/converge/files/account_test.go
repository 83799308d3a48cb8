package files

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAccounts: a number is that of the file as it is now, also when a run has changed it.
func TestAccounts(t *testing.T) {
	f := &Files{Root: t.TempDir()}
	name := filepath.Join(f.Root, "etc/passwd")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := func(account string, number int, good bool) {
		t.Helper()
		for range 2 {
			if n, err := f.accountID("/etc/passwd", account); n != number || (err == nil) != good {
				t.Errorf("%s is %d, %v", account, n, err)
			}
		}
	}
	want("www", 0, false) // without the file
	write(name, "root:x:0:0::/:/bin/sh\nbad:x:y\nshort\ntwice:x:7:\ntwice:x:8:\n")
	want("root", 0, true)
	want("twice", 7, true)
	want("bad", 0, false)
	want("www", 0, false)
	want("12", 12, true)
	// As useradd does it.
	write(name+"+", "root:x:0:0::/:/bin/sh\nwww:x:33:33::/:/bin/sh\n")
	if err := os.Rename(name+"+", name); err != nil {
		t.Fatal(err)
	}
	want("www", 33, true)
	want("twice", 0, false)
	write(name, "www:x:34:34::/:/bin/sh\n") // in its place
	want("www", 34, true)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	want("www", 0, false)
}
