package edit

import (
	"bytes"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// An edit, applied to its own result, changes nothing.
func try(t *testing.T, in, out, did, wrong string, edit func([]byte) ([]byte, []string, error)) {
	t.Helper()
	got, said, err := edit([]byte(in))
	if wrong != "" {
		if err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("error %v, want %q", err, wrong)
		}
		return
	}
	if err != nil || string(got) != out || strings.Join(said, "; ") != did {
		t.Fatalf("got %q, %q, %v; want %q, %q", got, said, err, out, did)
	}
	again, said, err := edit(got)
	if err != nil || !bytes.Equal(again, got) || said != nil {
		t.Errorf("applied again: %q, %q, %v", again, said, err)
	}
}

func TestLine(t *testing.T) {
	type line = catalog.Line
	for _, tt := range []struct {
		name, in, out, did, wrong string
		line                      line
	}{
		{"empty file", "", "x\n", "line 1 added", "", line{Text: "x"}},
		{"there", "a\nx\nb\n", "a\nx\nb\n", "", "", line{Text: "x"}},
		{"end", "a\nb\n", "a\nb\nx\n", "line 3 added", "", line{Text: "x"}},
		{"no line end at the end", "a\nb", "a\nb\nx", "line 3 added", "", line{Text: "x"}},
		{"CRLF", "a\r\nb\r\n", "a\r\nb\r\nx\r\n", "line 3 added", "", line{Text: "x"}},
		{"CRLF there", "x\r\nb", "x\r\nb", "", "", line{Text: "x"}},
		{"bytes stay", "\xff\x00\nb\n\n\n", "\xff\x00\nb\n\n\nx\n", "line 5 added", "", line{Text: "x"}},
		{"after the last match", "a1\na2\nb\n", "a1\na2\nx\nb\n", "line 3 added", "", line{Text: "x", InsertAfter: "^a"}},
		{"before the first match", "b\na1\na2\n", "b\nx\na1\na2\n", "line 2 added", "", line{Text: "x", InsertBefore: "^a"}},
		{"no match for the place", "b\n", "b\nx\n", "line 2 added", "", line{Text: "x", InsertBefore: "^a"}},
		{"replaced", "#Port 1\nb\n", "Port 22\nb\n", "line 1 replaced", "", line{Text: "Port 22", Match: "^#?Port "}},
		{"no match", "b\n", "b\nPort 22\n", "line 2 added", "", line{Text: "Port 22", Match: "^#?Port "}},
		{"matches itself", "Port 22\n", "Port 22\n", "", "", line{Text: "Port 22", Match: "^#?Port "}},
		{"several matches", "#Port 1\nPort 2\n", "", "", "lines 1 and 2 of /f match", line{Text: "Port 22", Match: "^#?Port "}},
		{"several allowed", "#Port 1\nb\nPort 2\r\n", "Port 22\nb\nPort 22\r\n", "lines 1 and 3 replaced", "", line{Text: "Port 22", Match: "^#?Port ", Multiple: true}},
		{"several, all right", "Port 22\nPort 22\n", "Port 22\nPort 22\n", "", "", line{Text: "Port 22", Match: "^#?Port "}},
		{"many matches", strings.Repeat("a\n", 9), "", "", "lines 1, 2, 3, 4, 5 and 4 more of /f match", line{Text: "x", Match: "a"}},
		{"too large", strings.Repeat("\n", 100), "", "", "more than 1048576 bytes", line{Text: strings.Repeat("x", 12<<10), Match: "^$", Multiple: true}},
		{"absent", "a\nx\nb\nx\n", "a\nb\n", "lines 2 and 4 removed", "", line{Text: "x", Ensure: catalog.Absent}},
		{"absent at the end", "a\nx", "a", "line 2 removed", "", line{Text: "x", Ensure: catalog.Absent}},
		{"absent already", "a\n", "a\n", "", "", line{Text: "x", Ensure: catalog.Absent}},
		{"absent by match", "a\nxy\n", "a\n", "line 2 removed", "", line{Match: "^x", Ensure: catalog.Absent}},
		{"absent, several matches", "xa\nxy\n", "", "", "set multiple: true", line{Match: "^x", Ensure: catalog.Absent}},
		{"absent, several allowed", "xa\nxy\n", "", "lines 1 and 2 removed", "", line{Match: "^x", Multiple: true, Ensure: catalog.Absent}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.line.Path = "/f"
			if tt.line.Ensure == "" {
				tt.line.Ensure = catalog.Present
			}
			try(t, tt.in, tt.out, tt.did, tt.wrong, func(b []byte) ([]byte, []string, error) { return Line(b, &tt.line) })
		})
	}
}

func TestBlock(t *testing.T) {
	type block = catalog.Block
	const begin, end = "# BEGIN rackhand b\n", "# END rackhand b\n"
	for _, tt := range []struct {
		name, in, out, did, wrong string
		block                     block
	}{
		{"empty file", "", begin + "x\ny\n" + end, "block of 2 lines added at line 1", "", block{Content: "x\ny\n"}},
		{"there", "a\n" + begin + "x\n" + end, "a\n" + begin + "x\n" + end, "", "", block{Content: "x"}},
		{"indented markers", "\t" + begin + "x\n  " + end, "\t" + begin + "x\n  " + end, "", "", block{Content: "x"}},
		{"replaced", "a\n" + begin + "x\nz\n" + end + "b\n", "a\n" + begin + "y\n" + end + "b\n", "block replaced, lines 2 to 5", "", block{Content: "y"}},
		{"emptied by hand", begin + end, begin + "y\n" + end, "block replaced, lines 1 to 2", "", block{Content: "y"}},
		{"CRLF", "a\r\n", "a\r\n# BEGIN rackhand b\r\nx\r\n# END rackhand b\r\n", "block of 1 lines added at line 2", "", block{Content: "x\n"}},
		{"CRLF of the content", "a\n", "a\n" + begin + "x\n" + end, "block of 1 lines added at line 2", "", block{Content: "x\r\r\n"}},
		{"after", "[a]\n[b]\n", "[a]\n" + begin + "x\n" + end + "[b]\n", "block of 1 lines added at line 2", "", block{Content: "x", InsertAfter: `^\[a\]`}},
		{"before", "[a]\n[b]\n", begin + "x\n" + end + "[a]\n[b]\n", "block of 1 lines added at line 1", "", block{Content: "x", InsertBefore: `^\[`}},
		{"other comments", "", "<!-- BEGIN rackhand b -->\nx\n<!-- END rackhand b -->\n", "block of 1 lines added at line 1", "", block{Content: "x", Marker: "<!-- -->"}},
		{"absent", "a\n" + begin + "x\n" + end + "b", "a\nb", "block removed, lines 2 to 4", "", block{Ensure: catalog.Absent}},
		{"absent already", "a\n", "a\n", "", "", block{Ensure: catalog.Absent}},
		{"without an end", "a\n" + begin + "x\n", "", "", `write "# END rackhand b" behind its last line, or remove line 2`, block{Content: "x"}},
		{"without a beginning", "x\n" + end, "", "", `write "# BEGIN rackhand b" before its first line, or remove line 2`, block{Content: "x"}},
		{"turned round", end + begin, "", "", "put them in order", block{Content: "x"}},
		{"twice", begin + end + begin + end, "", "", "lines 1, 2, 3 and 4 of /f are markers", block{Content: "x"}},
		{"damaged, absent", begin, "", "", "no line ends it", block{Ensure: catalog.Absent}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.block.Path, tt.block.Name = "/f", "b"
			if tt.block.Ensure == "" {
				tt.block.Ensure = catalog.Present
			}
			try(t, tt.in, tt.out, tt.did, tt.wrong, func(b []byte) ([]byte, []string, error) { return Block(b, &tt.block) })
		})
	}
}

func TestINI(t *testing.T) {
	type ini = catalog.INI
	for _, tt := range []struct {
		name, in, out, did, wrong string
		ini                       ini
	}{
		{"empty file", "", "k = v\n", "line 1 added", "", ini{Value: "v"}},
		{"empty file, section", "", "[s]\nk = v\n", "line 2 added", "", ini{Section: "s", Value: "v"}},
		{"another section", "[a]\nx = y\n", "[a]\nx = y\n\n[s]\nk = v\n", "line 5 added", "", ini{Section: "s", Value: "v"}},
		{"there, other blanks", "[s]\n  k=v \n", "[s]\n  k=v \n", "", "", ini{Section: "s", Value: "v"}},
		{"replaced, blanks stay", "[s]\n  k =   w\nx=1\n", "[s]\n  k =   v\nx=1\n", "line 2 replaced", "", ini{Section: "s", Value: "v"}},
		{"an empty value", "[s]\nk=\n", "[s]\nk= v\n", "line 2 replaced", "", ini{Section: "s", Value: "v"}},
		{"an empty value wanted", "[s]\nk = v\n", "[s]\nk =\n", "line 2 replaced", "", ini{Section: "s"}},
		{"without a separator", "[mysqld]\nk\n", "[mysqld]\nk = v\n", "line 2 replaced", "", ini{Section: "mysqld", Value: "v"}},
		{"in another section", "[a]\nk = v\n[s]\n", "[a]\nk = v\n[s]\nk = v\n", "line 4 added", "", ini{Section: "s", Value: "v"}},
		{"before the first section", "# head\n\n[a]\nk = 1\n", "# head\nk = v\n\n[a]\nk = 1\n", "line 2 added", "", ini{Value: "v"}},
		{"before the first section, nothing there", "[a]\nk = 1\n", "k = v\n[a]\nk = 1\n", "line 1 added", "", ini{Value: "v"}},
		{"blank lines stay between sections", "[s]\na = 1\n\n[t]\n", "[s]\na = 1\nk = v\n\n[t]\n", "line 3 added", "", ini{Section: "s", Value: "v"}},
		{"behind its comment", "[s]\n#k = 1\nb = 2\n", "[s]\n#k = 1\nk = v\nb = 2\n", "line 3 added", "", ini{Section: "s", Value: "v"}},
		{"indented as the others", "[s]\n\ta = 1\n", "[s]\n\ta = 1\n\tk = v\n", "line 3 added", "", ini{Section: "s", Value: "v"}},
		{"a unit of systemd", "[Service]\r\nUser=a\r\n", "[Service]\r\nUser=a\r\nk=v\r\n", "line 3 added", "", ini{Section: "Service", Value: "v", Separator: "="}},
		{"colon", "k: w\n", "k: v\n", "line 1 replaced", "", ini{Value: "v", Separator: ": "}},
		{"blank", "k w x\n", "k v\n", "line 1 replaced", "", ini{Value: "v", Separator: " "}},
		{"comment behind the section", "[s] # c\nk = v\n", "[s] # c\nk = v\n", "", "", ini{Section: "s", Value: "v"}},
		{"section twice", "[s]\n[t]\n[s]\n", "[s]\n[t]\n[s]\nk = v\n", "line 4 added", "", ini{Section: "s", Value: "v"}},
		{"key twice", "k = 1\nk = 2\n", "", "", "lines 1 and 2 of /f set k", ini{Value: "v"}},
		{"key twice, right", "k = v\nk = v\n", "k = v\nk = v\n", "", "", ini{Value: "v"}},
		{"key twice, allowed", "k = 1\nk = v\nk=2", "k = v\nk = v\nk=v", "lines 1 and 3 replaced", "", ini{Value: "v", Multiple: true}},
		{"goes on by a backslash", "k = 1 \\\n  x = 2\n", "", "", "goes on behind line 1", ini{Value: "v"}},
		{"goes on by its indent", "k = 1\n  more\n", "", "", "goes on behind line 1", ini{Value: "v"}},
		{"goes on, but is right", "k = v\n  more\n", "", "", "goes on behind line 1", ini{Value: "v"}},
		{"backslash before the place", "[s]\na = 1 \\\n", "", "", "ends with a backslash", ini{Section: "s", Value: "v"}},
		{"a path that ends with a backslash", "k = C:\\\nx = 1\n", "k = C:\\\nx = 1\n", "", "", ini{Value: "C:\\"}},
		{"a comment with more behind it", "[s]\n#k = 1\n  more\na = 2\n", "[s]\n#k = 1\n  more\na = 2\nk = v\n", "line 5 added", "", ini{Section: "s", Value: "v"}},
		{"absent", "[s]\nk = 1\na = 2\nk = 3\n", "[s]\na = 2\n", "lines 2 and 4 removed", "", ini{Section: "s", Ensure: catalog.Absent}},
		{"absent already", "k = 1\n", "k = 1\n", "", "", ini{Section: "s", Ensure: catalog.Absent}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.ini.Path, tt.ini.Key = "/f", "k"
			if tt.ini.Ensure == "" {
				tt.ini.Ensure = catalog.Present
			}
			try(t, tt.in, tt.out, tt.did, tt.wrong, func(b []byte) ([]byte, []string, error) { return INI(b, &tt.ini) })
		})
	}
}
