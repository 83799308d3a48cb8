package image

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestInstalled(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "debian12"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "debian12", PackagesFile), []byte("apt 2.6.1 amd64\nlibc6 2.36-9 amd64\n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Installed(dir, "debian12")
	if want := map[string]string{"apt": "2.6.1", "libc6": "2.36-9"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, name := range []string{"other", "../debian12"} {
		if _, err := Installed(dir, name); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
