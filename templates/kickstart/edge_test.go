package kickstart

import (
	"slices"
	"testing"
)

// TestEdges are files that an archive of text can't hold: line ends, blanks and bytes
// of all kinds.
func TestEdges(t *testing.T) {
	for _, c := range []struct{ name, text, want, at string }{
		{"byte-order mark before a comment", "\ufeff# x\n", "reject", "1:1"},
		{"comment, no line end", "# x", "accept", ""},
		{"no line end", "text", "accept", ""},
		{"CRLF", "text\r\nreboot --eject\r\n%packages\r\na\r\n%end\r\n", "accept", ""},
		{"CRLF in a script", "text\r\n%post\r\nëcho\r\n%end\r\n", "warn", "3:5"},
		{"CR", "text\rreboot\r", "accept", ""},
		{"CR in the middle", "text\rnosuch\r", "reject", "2:1"},
		{"a second end in CRLF", "%pre\r\n%end\r\n%end\r\n", "reject", "3:1"},
		{"byte-order mark", "\ufefftext\n", "reject", "1:1"},
		{"byte-order mark alone", "\ufeff", "reject", "1:1"},
		{"byte-order mark before a section", "\ufeff%pre\n%end\n", "reject", "1:1"},
		{"UTF-16", "\xff\xfet\x00", "reject", "1:1"},
		{"NUL in a value", "rootpw a\x00b\n", "accept", ""},
		{"NUL alone", "\x00\n", "reject", "1:1"},
		{"no-break blank", "part\u00a0/ --size=1\n", "reject", "1:1"},
		{"form feed ends a line and stays in its word", "text\freboot\n", "reject", "1:1"},
		{"form feed on a line of its own", "text\n\f\nreboot\n", "accept", ""},
		{"backslash before the line end", "rootpw foo\\\n", "accept", ""},
		{"backslash before CRLF", "rootpw foo\\\r\n", "accept", ""},
		{"backslash at the end of the file", "rootpw foo\\", "reject", "1:11"},
		{"open quote at the end of the file", "rootpw 'foo", "reject", "1:8"},
		{"end without a line end", "%pre\n%end", "accept", ""},
		{"section without a line end", "%pre", "reject", "1:1"},
		{"wide characters count as one", "user --name=Ünï --nosuch\n", "reject", "1:17"},
		{"tabs count as one", "\tuser\t--name=a --nosuch\n", "reject", "1:16"},
		{"section after a no-break blank", "\u00a0%pre\n%end\n", "reject", "1:1"},
		{"end after a no-break blank is text", "%pre\n\u00a0%end\n", "reject", "1:1"},
	} {
		for _, r := range Releases() {
			checkEdge(t, r, c.name, c.text, c.want, c.at)
		}
	}
}

// TestEdgesOfReleases are those in which releases differ: RHEL 7's parser runs on
// Python 2 and reads bytes, and up to RHEL 9 blanks alone are a file.
func TestEdgesOfReleases(t *testing.T) {
	modern := []Release{RHEL8, RHEL9, RHEL10, F42, F43, F44}
	for _, c := range []struct {
		name, text string
		accept     []Release
		at         string
	}{
		{"empty", "", []Release{RHEL7}, "1:1"},
		{"blanks", " \t\r\n\r\n \v\f", []Release{RHEL7, RHEL8, RHEL9}, "1:1"},
		{"latin 1", "text\n# gr\xfcn\n", []Release{RHEL7}, "2:5"},
		{"latin 1 in a value", "user --name=a --gecos=gr\xfcn\n", []Release{RHEL7}, "1:25"},
		{"latin 1 in a script", "%post\n# gr\xfcn\n%end\n", []Release{RHEL7}, "2:5"},
		{"blank line of no-break blanks", "\u00a0\u2003\ntext\n", modern, "1:1"},
		{"comment after a no-break blank", "\u00a0# x\n", modern, "1:1"},
		{"line separator in a comment", "# x\u2028nosuch\n", []Release{RHEL7}, "2:1"},
		{"next line in a comment", "# x\u0085nosuch\n", []Release{RHEL7}, "2:1"},
		{"vertical tab in a comment", "# x\vnosuch\n", []Release{RHEL7}, "2:1"},
		{"digits of another script", "part / --size=\u0663\uff15\n", modern, "1:15"},
		{"numerals that are no digits", "part / --size=\u00b2\n", nil, "1:15"},
		{"blanks around digits", "part / --size=' \u20035 '\n", modern, "1:15"},
	} {
		for _, r := range Releases() {
			if slices.Contains(c.accept, r) {
				checkEdge(t, r, c.name, c.text, "accept", "")
			} else {
				checkEdge(t, r, c.name, c.text, "reject", c.at)
			}
		}
	}
}

func checkEdge(t *testing.T, r Release, name, text, want, at string) {
	t.Helper()
	problems, err := checkText(text, r)
	switch {
	case err != nil:
		t.Fatal(err)
	case verdict(problems) != want:
		t.Errorf("%s: %s: %s, want %s\n%s", name, r, verdict(problems), want, list(problems))
	case at != "" && problems[0].Pos.String() != at:
		t.Errorf("%s: %s: at %s, want %s", name, r, problems[0].Pos, at)
	}
}

func TestAppend(t *testing.T) {
	files := map[string]string{"a": "text\n", "b": "reboot", "nest": "%ksappend a\n"}
	read := func(path string) ([]byte, error) { return []byte(files[path]), nil }
	for _, c := range []struct{ text, want string }{
		{"lang x\n%ksappend a\nhalt\n", "lang x\ntext\nhalt\n"},
		{"%ksappend b\nhalt\n", "reboothalt\n"}, // as it stands, with no line end added
		{"  %ksappend a and more\n", "text\n"},
		{"%ksappend nest\n", "%ksappend a\n"}, // not followed further
		{"%post\n%ksappend a\n%end\n", "%post\ntext\n%end\n"},
		{"echo %ksappend a\n", "echo %ksappend a\n"},
	} {
		if got, err := Append("ks", []byte(c.text), read); err != nil || string(got) != c.want {
			t.Errorf("%q: got %q, %v; want %q", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"%ksappend\n", "%ksappend\ta\n", "%ksappend  a\n"} {
		if got, err := Append("ks", []byte(text), read); err == nil {
			t.Errorf("%q: got %q", text, got)
		}
	}
	big := func(string) ([]byte, error) { return make([]byte, MaxSize), nil }
	if _, err := Append("ks", []byte("%ksappend a\n%ksappend a\n"), big); err == nil {
		t.Error("two MiB were appended")
	}
}
