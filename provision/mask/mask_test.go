package mask

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

// special has characters that some program escapes.
const special = `p"a'ss $w\ö<r>d&1/2+3=%?!(*)~,;`

func TestSpellings(t *testing.T) {
	m := New("***", special, "hunter2", "-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\n}\n-----END KEY-----\n")
	js, err := json.Marshal(special)
	if err != nil {
		t.Fatal(err)
	}
	inQuotes := strings.Trim(string(js), `"`)
	for name, text := range map[string]string{
		"itself":                special,
		"single quotes":         `'p"a'\''ss $w\ö<r>d&1/2+3=%?!(*)~,;'`,
		"shlex":                 `'p"a'"'"'ss $w\ö<r>d&1/2+3=%?!(*)~,;'`,
		"double quotes":         "\"p\\\"a'ss \\$w\\\\ö<r>d&1/2+3=%?!(*)~,;\"",
		"JSON":                  inQuotes,
		"%q":                    fmt.Sprintf("%q", special),
		"HTML":                  html.EscapeString(special),
		"&quot;":                strings.ReplaceAll(html.EscapeString(special), "&#34;", "&quot;"),
		"a query":               url.QueryEscape(special),
		"a path":                url.PathEscape(special),
		"a user's":              url.UserPassword("me", special).String(),
		"small digits":          strings.ToLower(url.QueryEscape(special)),
		"every sign":            every(special, "%%%02X"),
		"base64":                base64.StdEncoding.EncodeToString([]byte(special)),
		"base64 of echo's":      base64.StdEncoding.EncodeToString([]byte("hunter2\n")),
		"base64 for URLs":       base64.URLEncoding.EncodeToString([]byte(special)),
		"basic authentication":  base64.StdEncoding.EncodeToString([]byte("me:" + special)),
		"... of another length": base64.StdEncoding.EncodeToString([]byte("you:" + special + "x")),
		"a line of it":          " MC4CAQAwBQYDK2Vw ",
	} {
		got := m.Mask("before " + text + " after")
		if !strings.Contains(got, "***") || strings.Contains(got, "ss") || strings.Contains(got, "MC4C") || len(got) > 40 {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := m.Mask("} and -----BEGIN KEY----- and hunter"); strings.Contains(got, "***") {
		t.Error(got)
	}
}

// TestShells compares the forms with the output of shells.
func TestShells(t *testing.T) {
	const secret = `s'e c"r$e\t#1;`
	m := New("***", secret)
	for _, script := range []string{
		`set -x; : "$1" 2>&1`, `printf '%q\n' "$1"`, `echo "${1@Q}"`, `declare -p 1 2>/dev/null; x=$1; declare -p x`,
	} {
		out, err := exec.Command("bash", "-c", "exec 2>&1; "+script, "sh", secret).CombinedOutput()
		if err != nil || len(out) == 0 {
			t.Fatalf("%s: %v %s", script, err, out)
		}
		if got := m.Mask(string(out)); strings.Contains(got, "e c") || !strings.Contains(got, "***") {
			t.Errorf("%s: %s became %s", script, out, got)
		}
	}
}

func TestShort(t *testing.T) {
	m := New("***", "pw1", "7", "***", "", " ", "-", "ab")
	for text, want := range map[string]string{
		"pw1":                "***",
		"password=pw1, pw12": "password=***, pw12",
		"7 of 77 (7/78)":     "*** of 77 (***/78)",
		"x7 7x _7 7_ ö7":     "x7 7x _7 7_ ö7",
		"pw1pw1 pw1-pw1":     "pw1pw1 ***-***",
		"- -- ab-cab":        "- -- ***-cab",
	} {
		if got := m.Mask(text); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
	if (*Masker)(nil).Mask("x") != "x" || New("***").Mask("x") != "x" {
		t.Error("no secrets")
	}
}

// FuzzMask checks that no secret remains in the masked text.
func FuzzMask(f *testing.F) {
	f.Add("hunter2", "the value hunter2 in %68unter2 and aHVudGVyMg==")
	f.Add(special, special)
	f.Add("\x00\xff\"", "a\x00\xff\"")
	f.Fuzz(func(t *testing.T, secret, text string) {
		if len(secret) > 256 || strings.Contains("***", secret) || strings.Contains(secret, "*") {
			return
		}
		m := New("***", secret)
		for _, part := range Parts(secret) {
			if got := m.Mask(text + part); len(part) >= anywhere && strings.Contains(got, part) {
				t.Errorf("%q is in %q", part, got)
			}
		}
	})
}

// BenchmarkMask masks a line of a log with 64 secrets.
func BenchmarkMask(b *testing.B) {
	var secrets []string
	for i := range 64 {
		secrets = append(secrets, fmt.Sprintf("a secret's value %d", i))
	}
	m := New("***", secrets...)
	line := strings.Repeat("12:00:00 INFO packaging: Installing bash-5.1.8-9.el9.x86_64 (3/300) ", 2)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		m.Mask(line)
	}
}

func TestTokens(t *testing.T) {
	for in, want := range map[string]string{
		"GET http://a/i/SECRET/ks failed": "GET http://a/i/…/ks failed",
		"http://a/i/SECRET":               "http://a/i/…",
		`"http://a/i/SECRET" 'b/i/c'`:     `"http://a/i/…" 'b/i/…'`,
		"http://a/image/debian12":         "http://a/image/debian12",
	} {
		if got := Tokens(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
