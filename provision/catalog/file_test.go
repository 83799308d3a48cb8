package catalog

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseACL(t *testing.T) {
	for text, want := range map[string]string{
		"user:www-data:r-x":    "user:www-data:r-x",
		"u:33:7":               "user:33:rwx",
		"g:adm:r":              "group:adm:r--",
		"m::w":                 "mask::-w-",
		"d:u:x:-":              "default:user:x:---",
		"default:other::rx":    "default:other::r-x",
		"default:group::x":     "default:group::--x",
		"default:user::rwx":    "default:user::rwx",
		"user::rwx":            "error: declare it by mode",
		"other::r":             "error: declare it by mode",
		"user:www-data":        "error: write user:NAME:rwx",
		"www-data:r":           "error: write user:NAME:rwx",
		"user:a b:r":           "error: write user:NAME:rwx",
		"mask:x:r":             "error: write user:NAME:rwx",
		"user:x:rr":            "error: permissions are letters of rwx",
		"user:x:X":             "error: permissions are letters of rwx",
		"user:x:":              "error: permissions are letters of rwx",
		"user:x:8":             "error: permissions are letters of rwx",
		"user:x:----":          "error: permissions are letters of rwx",
		"default:default:u:x:": "error: write user:NAME:rwx",
		"":                     "error: write user:NAME:rwx",
	} {
		got, err := ParseACL([]string{text}, true)
		if part, isErr := strings.CutPrefix(want, "error: "); isErr {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v, want %q", text, err, part)
			}
		} else if err != nil || got[0].String() != want {
			t.Errorf("%q: %v, %v, want %q", text, got, err, want)
		}
	}
	if _, err := ParseACL([]string{"d:u:x:r"}, false); err == nil {
		t.Error("a file has default entries")
	}
	if _, err := ParseACL([]string{"u:x:r", "user:x:w"}, false); err == nil {
		t.Error("one user has two entries")
	}
}

func TestProtected(t *testing.T) {
	for name, want := range map[string]bool{
		"/": true, "/etc": true, "/usr/lib": true, "/etc/rackhand": true, "/etc/rackhand/x": true, "/var/lib/rackhand-agent/content": true,
		"/proc/1": true, "/var/lib": true, "/etc/nginx": false, "/srv/www": false, "/data": false, "/home/deploy": false, "/var/lib/rackhand-agents": false,
	} {
		if got := Protected(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// No entries and no declaration of them are two things, over the wire too.
func TestEmptyACL(t *testing.T) {
	for _, list := range [][]string{nil, {}, {"u:x:r"}} {
		c := &Catalog{Host: "web1", Resources: []Resource{{ID: "file[/x]", File: &File{Path: "/x", Ensure: FileKind, ACL: list}}}}
		second, err := c.ByHash()
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(second)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if f := got.Resources[0].File; f == nil || (f.ACL == nil) != (list == nil) || len(f.ACL) != len(list) {
			t.Errorf("%#v became %+v", list, f)
		}
	}
}

func FuzzParseACL(f *testing.F) {
	f.Add("default:user:www-data:r-x")
	f.Add("m::7")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseACL([]string{text}, true)
		if err != nil {
			return
		}
		again, err := ParseACL([]string{list[0].String()}, true)
		if err != nil || again[0] != list[0] {
			t.Errorf("%q became %v, and that %v, %v", text, list, again, err)
		}
	})
}
