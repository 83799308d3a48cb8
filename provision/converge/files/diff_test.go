package files

import (
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func TestDiff(t *testing.T) {
	f := newHost(t)
	f.write("root/etc/x.conf", "one\ntwo\nthree\n")
	f.write("root/etc/x.der", "\x30\x82\x00\xff")
	f.write("root/etc/long", strings.Repeat("a\n", 500))
	diff := func(path, content string, sensitive bool) string {
		return f.files().Diff(t.Context(), &catalog.File{Path: path, Ensure: "file", Content: content, Sensitive: sensitive})
	}
	want := "--- /etc/x.conf (there)\n+++ /etc/x.conf (declared)\n@@ -1,3 +1,3 @@\n one\n-two\n+2 \n three\n"
	if got := diff("/etc/x.conf", "one\n2\x1b\nthree\n", false); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for name, got := range map[string]string{
		"sensitive": diff("/etc/x.conf", "hunter2", true), "binary": diff("/etc/x.der", "x", false),
		"not there": diff("/etc/none", "x", false), "no folder": diff("/nowhere/x", "x", false),
		"large": diff("/etc/x.conf", strings.Repeat("x", maxCompared+1), false),
	} {
		if got != "" {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	got := diff("/etc/long", strings.Repeat("b", 10000)+"\n"+strings.Repeat("b\n", 500), false)
	if n := strings.Count(got, "\n"); n != maxDiffLines+1 || len(got) > maxDiffLines*maxDiffLine || !strings.Contains(got, " lines more\n") {
		t.Errorf("%d lines, %d bytes", n, len(got))
	}
}
