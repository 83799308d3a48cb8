package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rackhand/config"
)

func TestSecrets(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "secrets")
	write := func(name, data string, mode os.FileMode) {
		t.Helper()
		path := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // past the umask
			t.Fatal(err)
		}
	}
	write("secrets/bmc/web1", "hunter2\nsecond line\n", 0o600)
	write("secrets/crlf", "hunter2 \r\n", 0o640)
	write("secrets/bare", "hunter2", 0o400)
	write("secrets/empty", "\nhunter2\n", 0o600)
	write("secrets/open", "hunter2\n", 0o644)
	write("secrets/writable", "hunter2\n", 0o602)
	write("secrets/long", strings.Repeat("hunter2", 20000)+"\n", 0o600)
	write("outside", "hunter2\n", 0o600)
	if err := os.Symlink("../outside", filepath.Join(dir, "leads-out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("bmc/web1", filepath.Join(dir, "within")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}

	secrets := config.Secrets{Dir: dir}
	for name, want := range map[string]string{"bmc/web1": "hunter2", "crlf": "hunter2 ", "bare": "hunter2", "within": "hunter2"} {
		if got, err := secrets.Get(name); err != nil || got != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{
		"empty":      "empty",
		"open":       "chmod 600",
		"writable":   "chmod 600",
		"long":       "more than",
		"none":       "no file",
		"bmc":        "not a file",
		"fifo":       "not a file",
		"leads-out":  "secret leads-out:",
		"loop":       "secret loop:",
		"../outside": "can't be the name",
		"/etc/hosts": "can't be the name",
		"":           "can't be the name",
		".":          "can't be the name",
		"a\nb":       "can't be the name",
		"a//b":       "can't be the name",
	} {
		got, err := secrets.Get(name)
		if err == nil || got != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v; want an error with %q", name, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error shows the secret", name)
		}
	}
	if _, err := (config.Secrets{Dir: filepath.Join(base, "none")}).Get("a"); err == nil || !strings.Contains(err.Error(), "mode 700") {
		t.Errorf("missing folder: %v", err)
	}
}
