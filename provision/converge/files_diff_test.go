package converge

import (
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func TestDiff(t *testing.T) {
	f := newFakes(t)
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

func TestDryRunShowsDiffs(t *testing.T) {
	f := newFakes(t)
	f.write("root/etc/motd", "old\n")
	f.write("root/etc/pw", "hunter1")
	secret := file("/etc/pw", "hunter2")
	secret.File.Sensitive = true
	e := f.engine()
	var shown strings.Builder
	e.Diffs = &shown
	c := &catalog.Catalog{Resources: []catalog.Resource{file("/etc/motd", "new\n"), secret}}
	got := e.Converge(t.Context(), c, f.state(), true)
	if !strings.Contains(got[0].Diff, "-old\n+new\n") || shown.String() != got[0].Diff || got[1].Diff != "" {
		t.Errorf("got %+v, shown:\n%s", got, &shown)
	}
	if got := e.Converge(t.Context(), c, f.state(), false); got[0].Diff != "" {
		t.Errorf("the real run has a diff: %+v", got[0])
	}
}
