package inventory

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Editors and other programs write a file in many ways. Each must end in a load of the new
// content. Files that they leave beside it must not count.
func TestWatchEditors(t *testing.T) {
	type writer struct {
		name string
		save func(t *testing.T, path, data string)
	}
	write := func(t *testing.T, path, data string) {
		t.Helper()
		writeFile(t, path, data)
	}
	beside := func(path, name string) string { return filepath.Join(filepath.Dir(path), name) }
	writers := []writer{
		{"nano, in place", write},
		{"vim: a probe, the old file renamed, a new one written, the backup removed", func(t *testing.T, path, data string) {
			write(t, beside(path, "4913"), "")
			must(t, os.Remove(beside(path, "4913")))
			must(t, os.Rename(path, path+"~"))
			write(t, path, data)
			must(t, os.Chmod(path, 0o644))
			must(t, os.Remove(path+"~"))
		}},
		{"vim with a swap file and a backup that stays", func(t *testing.T, path, data string) {
			write(t, beside(path, ".a.yaml.swp"), "b0VIM\x00")
			write(t, path+"~", "hosts: [broken")
			write(t, path, data)
			must(t, os.Remove(beside(path, ".a.yaml.swp")))
		}},
		{"emacs: a lock that leads nowhere, an auto-save file, the old file renamed", func(t *testing.T, path, data string) {
			must(t, os.Symlink("operator@host.4711:1", beside(path, ".#a.yaml")))
			write(t, beside(path, "#a.yaml#"), "hosts: [broken")
			must(t, os.RemoveAll(path+"~"))
			must(t, os.Rename(path, path+"~"))
			write(t, path, data)
			must(t, os.Remove(beside(path, "#a.yaml#")))
			must(t, os.Remove(beside(path, ".#a.yaml")))
		}},
		{"sed -i, renameio: another file renamed over the first", func(t *testing.T, path, data string) {
			write(t, beside(path, "sedXk3v9Q"), data)
			must(t, os.Rename(beside(path, "sedXk3v9Q"), path))
		}},
		{"git checkout: removed and made again", func(t *testing.T, path, data string) {
			must(t, os.Remove(path))
			write(t, path, data)
		}},
		{"in two parts, the first of which is no YAML", func(t *testing.T, path, data string) {
			f, err := os.Create(path)
			must(t, err)
			defer f.Close()
			_, err = f.WriteString("networks: {n: {subnet: ")
			must(t, err)
			must(t, f.Sync())
			_, err = f.WriteString("10.1.0.0/24}}\n" + data[len("networks: {n: {subnet: 10.1.0.0/24}}\n"):])
			must(t, err)
		}},
		{"a new file moved in from elsewhere", func(t *testing.T, path, data string) {
			from := filepath.Join(filepath.Dir(filepath.Dir(path)), "draft")
			write(t, from, data)
			must(t, os.Rename(from, path))
		}},
	}
	h := watch(t, func(dir string) { writeFile(t, filepath.Join(dir, "a.yaml"), oneHost[1:]) })
	h.until("web1 is there", has("web1"))
	for i, w := range writers {
		t.Run(w.name, func(t *testing.T) {
			name := fmt.Sprintf("box%d", i)
			data := "networks: {n: {subnet: 10.1.0.0/24}}\nhosts: {" + name + ": {mac: 52:54:00:00:00:01, address: 10.1.0.11}}\n"
			w.save(t, filepath.Join(h.dir, "a.yaml"), data)
			h.until(name+" is there alone", func(s *Snapshot) bool { return has(name)(s) && len(s.Hosts) == 1 })
		})
	}
}
