package templates_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rackhand/inventory"
	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// folder is a set over templates that are given as text.
func folder(t *testing.T, files map[string]string) *templates.Set {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return templates.New(dir)
}

// vault knows the secrets of the tests.
func vault(name string) (string, error) {
	switch name {
	case "rootpw/web", "rootpw/db":
		return "hunter2 of " + name, nil
	case "hashed":
		return "$6$abcdefghijklmnop$EC.xeLW9zNWcX0r23FSpQaV7PG.Ibd4QnLe3w6UC47i3/vkPQouEDwvUpGtqFiad5mzQG96cD/LywQiXv9WfH/", nil
	}
	return "", errors.New("no such secret: " + name)
}

func TestFunctions(t *testing.T) {
	h := host()
	h.Variables = map[string]any{
		"word": "a b", "empty": "", "one": "x", "many": []any{"a", "b's", "c"}, "none": []any{},
		"root": inventory.SecretRef("rootpw/web"), "plain": "rootpw/db", "gone": inventory.SecretRef("gone"),
		"users": []any{map[string]any{"name": "u", "password": inventory.SecretRef("rootpw/web")}},
	}
	// "" stands for an error.
	for text, want := range map[string]string{
		`{{ var "word" }}`:                                             "a b",
		`{{ var "nope" "x" }}`:                                         "x",
		`{{ has "word" }} {{ has "nope" }}`:                            "true false",
		`{{ list "one" }} {{ list "nope" }}`:                           "[x] []",
		`{{ join "," (list "many") }}`:                                 "a,b's,c",
		`{{ join " " .Host.Network.DNS }}`:                             "10.77.0.1 10.77.0.2",
		`[{{ join "," (list "nope") }}]`:                               "[]",
		`{{ var "empty" | default "y" }}`:                              "y",
		`{{ var "word" | default "y" }}`:                               "a b",
		`{{ list "none" | default "y" }}`:                              "y",
		`{{ indent 2 "a\n\nb\n" }}`:                                    "  a\n\n  b\n",
		`{{ quote "it's" }} {{ quote "" }}`:                            `'it'\''s' ''`,
		`{{ ksquote "it's #1" }} {{ ksquote "a=b" }}`:                  `'it'\''s #1' a=b`,
		`{{ ksquote "" }} {{ ksquote .Host.Address }}`:                 "'' 10.77.0.11",
		`{{ netmask .Host.Network.Subnet }} {{ netmask "10/8" }}`:      "",
		`{{ netmask "10.0.0.0/9" }}`:                                   "255.128.0.0",
		`{{ prefixlen .Host.Network.Subnet }}`:                         "24",
		`{{ addr 5 .Host.Network.Subnet }} {{ addr 0 "10.0.0.9/30"}}`:  "10.77.0.5 10.0.0.8",
		`{{ addr -1 "10.0.0.0/30" }} {{ broadcast "10.0.0.0/30" }}`:    "10.0.0.3 10.0.0.3",
		`{{ addr 4 "10.0.0.0/30" }}`:                                   "",
		`{{ addr -5 "10.0.0.0/30" }}`:                                  "",
		`{{ addr 65536 "2001:db8::/64" }}`:                             "2001:db8::1:0",
		`{{ netmask "2001:db8::/64" }}`:                                "",
		`{{ contains .Host.Network.Subnet .Host.Address }}`:            "true",
		`{{ contains "10.0.0.0/8" "11.0.0.1" }}`:                       "false",
		`{{ contains "10.0.0.0/8" "eleven" }}`:                         "",
		`{{ secret "rootpw/web" }}`:                                    "hunter2 of rootpw/web",
		`{{ var "root" }}`:                                             "hunter2 of rootpw/web",
		`{{ secret (var "root") }}`:                                    "hunter2 of rootpw/web",
		`{{ secret (var "plain") }}`:                                   "hunter2 of rootpw/db",
		`{{ range list "users" }}{{ .name }}:{{ .password }}{{ end }}`: "u:hunter2 of rootpw/web",
		`{{ range list "users" }}{{ secret .password }}{{ end }}`:      "hunter2 of rootpw/web",
		`{{ secret 5 }}`:                                               "",
		`{{ var "gone" }}`:                                             "",
		`{{ join "," "text" }}`:                                        "",
		`{{ indent 99 "x" }}`:                                          "",
		`{{ ksquote "a\nb" }}`:                                         "",
		`{{ ksquote "a\x7fb" }}`:                                       "",
		`{{ .Release }}-`:                                              "-",
		`{{ crypt (secret "hashed") }}`:                                "$6$abcdefghijklmnop$EC.xeLW9zNWcX0r23FSpQaV7PG.Ibd4QnLe3w6UC47i3/vkPQouEDwvUpGtqFiad5mzQG96cD/LywQiXv9WfH/",
		`{{ crypt "hunter2" }}`:                                        "", // no salt was given
		`{{ file "x" }}`:                                               "",
	} {
		own := folder(t, map[string]string{"t.ks": text})
		got, err := own.Render("t.ks", data(h), templates.Funcs(h, vault))
		if (err != nil) != (want == "") || got != want {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2 of") {
			t.Errorf("%s: the error shows a secret: %v", text, err)
		}
	}
}

// FuzzKickstartQuote: the language reads back the value that ksquote wrote.
func FuzzKickstartQuote(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "it's", `"`, `\`, "#", "a#b", "%end", "über", "-x", "=", "'#'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		word, err := templates.KickstartQuote(s)
		if err != nil {
			return
		}
		file, err := kickstart.Parse("f.ks", []byte("lang "+word+" end\n"))
		if err != nil {
			t.Fatalf("%q: %v", word, err)
		}
		words := file.Commands[0].Words
		if len(words) < 2 || words[len(words)-1].Text != "end" || words[len(words)-2].Text != s {
			t.Fatalf("%q is read back as %q", word, words)
		}
	})
}

// TestMaskedAndStandIn: masks and stand-ins are not hashed, so a masked render is always the
// same.
func TestMaskedAndStandIn(t *testing.T) {
	set := folder(t, map[string]string{"t.ks": `{{ crypt (secret "rootpw/web") }}`})
	for name, lookup := range map[string]func(string) (string, error){templates.Mask: templates.MaskSecret, templates.StandIn: templates.StandInSecret} {
		h := host()
		got, err := set.Render("t.ks", data(h), templates.Funcs(h, lookup))
		if err != nil || got != name {
			t.Errorf("%q, %v; want %q", got, err, name)
		}
	}
}

// TestCrypt: hashes are those of crypt(3); the vectors are libxcrypt's.
func TestCrypt(t *testing.T) {
	set := folder(t, map[string]string{"t.ks": `{{ crypt (secret "rootpw/web") }}`, "bad.ks": `{{ crypt "a\tb" }}`, "empty.ks": `{{ crypt "" }}`})
	salt := bytes.Repeat([]byte{0x5a}, 16)
	for name, tt := range map[string]struct {
		system *inventory.System
		want   string
	}{
		"no system": {nil, sha512Vector},
		"RHEL8":     {&inventory.System{Release: "RHEL8"}, sha512Vector},
		"RHEL9":     {&inventory.System{Release: "RHEL9"}, yescryptVector},
		"RHEL10":    {&inventory.System{Release: "RHEL10"}, yescryptVector},
		"F42":       {&inventory.System{Release: "F42"}, yescryptVector},
		"debian10":  {&inventory.System{Image: "debian10"}, sha512Vector},
		"debian12":  {&inventory.System{Image: "debian12-web"}, yescryptVector},
		"debian-13": {&inventory.System{Image: "debian-13"}, yescryptVector},
		"mine":      {&inventory.System{Image: "mine"}, sha512Vector},
	} {
		h := host()
		h.System = tt.system
		got, err := set.Render("t.ks", data(h), templates.Funcs(h, vault, templates.Salt(bytes.NewReader(salt))))
		if err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tt.want)
		}
		if _, err := set.Render("t.ks", data(h), templates.Funcs(h, vault, templates.Salt(bytes.NewReader(salt[:3])))); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: without enough randomness: %v", name, err)
		}
		for _, bad := range []string{"bad.ks", "empty.ks"} {
			if got, err := set.Render(bad, data(h), templates.Funcs(h, vault, templates.Salt(bytes.NewReader(salt)))); err == nil {
				t.Errorf("%s: %q", bad, got)
			}
		}
	}
}

// TestFile: a file of the folder is taken as it is; nothing leads out of it.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	files := filepath.Join(dir, "files")
	if err := os.MkdirAll(filepath.Join(files, "ssh"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		filepath.Join(files, "motd"): "hello {{ x }}\n", filepath.Join(files, "ssh", "keys"): "k\n",
		filepath.Join(dir, "outside"): "no", filepath.Join(files, "big"): strings.Repeat("x", 1<<20+1),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(files, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(files, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "t.ks"), []byte(`{{ file (var "name") }}`), 0o600); err != nil {
		t.Fatal(err)
	}
	set := templates.New(dir)
	for name, want := range map[string]string{
		"motd": "hello {{ x }}\n", "ssh/keys": "k\n", "link": "", "../outside": "", "/etc/hostname": "",
		"fifo": "", "ssh": "", "big": "", "none": "", "": "", ".": "", "ssh/../motd": "",
	} {
		h := host()
		h.Variables["name"] = name
		got, err := set.Render("t.ks", data(h), templates.Funcs(h, vault))
		if (err != nil) != (want == "") || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The result of libxcrypt 4.4's crypt(3) for "hunter2 of rootpw/web" with the salt of
// TestCrypt.
const (
	yescryptVector = "$y$j9T$OdZKOdZKOdZKOdZKOdZKO/$WtdY6F4rp227B8pqcFUuPAi9ZGy6.BRsLp5xLhp3NN1"
	sha512Vector   = "$6$OdZKOdZKOdZKOdZK$vxNsJvgaHzR7Gp45uX7JeY9XuOEt660CuGYtzhVO.cDO8RbZbU0qwZ5a9wUR/oRD35jR0RYQAgU6xM7fEhG/A."
)
