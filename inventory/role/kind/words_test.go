package kind

import (
	"regexp"
	"strings"
	"testing"
)

// firstWord is what a hint says to write.
var firstWord = regexp.MustCompile(`\bwrite ([a-z_]+)`)

// The words of other programs aren't ours, and each hint names something that exists.
func TestForeignKeys(t *testing.T) {
	for name, words := range foreignKeys() {
		k, ok := Find(name)
		if !ok {
			t.Errorf("no kind %s", name)
		}
		for word, hint := range words {
			if _, ours := k.Fields[word]; ours {
				t.Errorf("%s: %s is a field", name, word)
			}
			if m := firstWord.FindStringSubmatch(hint); m != nil && !exists(k, m[1]) && m[1] != "the" && m[1] != "each" && m[1] != "a" && m[1] != "absolute" {
				t.Errorf("%s: %s: %q names no field", name, word, hint)
			}
			if k.HintKey(word) != hint {
				t.Errorf("%s: %s: %q", name, word, k.HintKey(word))
			}
		}
	}
}

func exists(k Kind, field string) bool {
	_, own := k.Fields[field]
	if field == "groups" && k.Name == "group" || field == "exclusive" && k.Name == "user" { // another type's
		return true
	}
	_, common := Common()[field]
	return own || common || field == "retry"
}

func TestHintType(t *testing.T) {
	for _, name := range Names() {
		if foreignType(name) != "" {
			t.Errorf("%s is a kind", name)
		}
	}
	for word, want := range map[string]string{
		"ssh_authorized_key": "write authorized_key: ", "yumrepo": "write repository: ", "apt::source": "write repository: ", "file_line": "write line: ",
		"ini_setting": "write ini: ", "ansible.builtin.copy": "write file: ", "Systemd": "write service: ", "sudo::conf": "write sudoers: ",
		"link": "write file: ", "mount": "no such type", "class": "include:", "pakage": `did you mean "package"?`, "xyzzyx": "",
	} {
		if got := HintType(word); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q lacks %q", word, got, want)
		}
	}
}

// A key that is like none of the fields lists those that there are, however many.
func TestHintKey(t *testing.T) {
	for _, k := range All() {
		hint := k.HintKey("xyzzyxyzzy")
		for name := range k.Fields {
			if !strings.Contains(hint, name) {
				t.Errorf("%s: %q lacks %s", k.Name, hint, name)
			}
		}
		if hint := k.HintKey("notfy"); hint != `did you mean "notify"?` {
			t.Errorf("%s: %q", k.Name, hint)
		}
		if hint := k.HintKey("subscribe"); !strings.Contains(hint, "notify") {
			t.Errorf("%s: %q", k.Name, hint)
		}
	}
}

func TestPackageEnsure(t *testing.T) {
	for _, text := range []string{"present", "latest", "absent", "purged", "1", "2:8.0+dfsg-1~bpo12", "r2024"} {
		if _, err := packageEnsure(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{"installed": "write present, or nothing", "held": "write hold: true", "removed": "write absent", "lates": `did you mean "latest"?`} {
		if hint, err := packageEnsure(text); err == nil || hint != want {
			t.Errorf("%s: %v, hint %q", text, err, hint)
		}
	}
}

func TestHintID(t *testing.T) {
	for text, want := range map[string]string{
		"Package['nginx']": "write package[nginx]", `File["/etc/X"]`: "write file[/etc/X]", "nginx": "write KIND[NAME]", "Class['x']": "write KIND[NAME]", "": "write KIND[NAME]",
	} {
		if got := hintID(text); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
	if got := hintValue("present", []string{"file", "absent"}); got != "write file" {
		t.Errorf("hintValue: %q", got)
	}
}
