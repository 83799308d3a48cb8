package templates_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/templates/kickstart"
)

// body finds the script of a section that holds a word.
func body(t *testing.T, text, section, word string) string {
	t.Helper()
	f, err := kickstart.Parse("ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Sections {
		if s.Name == section && strings.Contains(s.Body, word) {
			return s.Body
		}
	}
	t.Fatalf("no %s with %q:\n%s", section, word, text)
	return ""
}

// A scriptRoot is a folder that scripts are run in, as if it were the machine: its tools of
// the first resort are fakes.
type scriptRoot struct {
	t   *testing.T
	dir string
}

func newScriptRoot(t *testing.T) *scriptRoot {
	b := &scriptRoot{t, t.TempDir()}
	b.write("bin/wipefs", "#!/bin/sh\nfor disk; do :; done\n[ -e \"$disk.bad\" ] && exit 1\n[ -e \"$disk.types\" ] && cat \"$disk.types\"\nexit 0\n")
	b.write("bin/sleep", "#!/bin/sh\necho \"$1\" >> "+b.dir+"/slept\n")
	b.write("bin/curl", "#!/bin/sh\nfor url; do :; done\nwhile [ $# -gt 0 ]; do\n"+
		"    case $1 in --data-binary) printf '%s\\n' \"$2\" >> "+b.dir+"/reports;; --output) [ \"$2\" = /dev/null ] || echo \"from $url\" > \"$2\";; --write-out) printf 204;; esac\n    shift\ndone\n")
	for _, f := range []string{"bin/wipefs", "bin/curl", "bin/sleep"} {
		if err := os.Chmod(filepath.Join(b.dir, f), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"sys/block", "dev/disk/by-id", "proc"} {
		if err := os.MkdirAll(filepath.Join(b.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *scriptRoot) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *scriptRoot) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	return string(text)
}

const diskSize = 8<<20 + 512*100 // no whole number of MiB

// disk adds a blank disk.
func (b *scriptRoot) disk(name string) {
	b.t.Helper()
	b.write("dev/"+name, "")
	if err := os.Truncate(filepath.Join(b.dir, "dev", name), diskSize); err != nil {
		b.t.Fatal(err)
	}
	b.write("sys/block/"+name+"/size", "16484\n")
	b.write("sys/block/"+name+"/removable", "0\n")
}

// put writes a byte to a disk.
func (b *scriptRoot) put(name string, at int64) {
	b.t.Helper()
	f, err := os.OpenFile(filepath.Join(b.dir, "dev", name), os.O_WRONLY, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{1}, at); err != nil {
		b.t.Fatal(err)
	}
}

// run runs a script in the box; moved are the places that lie in its folder.
func (b *scriptRoot) run(script string, moved ...string) (string, error) {
	b.t.Helper()
	// A script that restarts its box must never reach this machine's kernel.
	script = strings.ReplaceAll(script, "/proc/", b.dir+"/proc/")
	for _, m := range moved {
		if !strings.Contains(script, m) {
			b.t.Fatalf("the script has no %q:\n%s", m, script)
		}
		place := m[strings.Index(m, "/"):]
		script = strings.ReplaceAll(script, m, strings.TrimSuffix(m, place)+b.dir+place)
	}
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Dir = b.dir
	cmd.Env = []string{"PATH=" + b.dir + "/bin:" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// reports are the events that were posted.
// reports are the reports that were sent, each with its fields.
func (b *scriptRoot) reports() []map[string]string {
	b.t.Helper()
	var out []map[string]string
	for line := range strings.Lines(b.read("reports")) {
		var r struct {
			Stage, Kind, Level, Message string
			Fields                      map[string]string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			b.t.Fatalf("%v: %s", err, line)
		}
		all := map[string]string{"stage": r.Stage, "kind": r.Kind, "level": r.Level, "message": r.Message}
		maps.Copy(all, r.Fields)
		out = append(out, all)
	}
	return out
}
