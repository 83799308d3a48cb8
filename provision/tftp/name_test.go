package tftp

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"rackhand/bootfiles"
)

func TestCleanName(t *testing.T) {
	long := strings.Repeat("n", bootfiles.MaxName)
	for raw, want := range map[string]string{
		"snponly.efi":                    "snponly.efi",
		"/snponly.efi":                   "snponly.efi",
		"//grubx64.efi":                  "grubx64.efi", // shim
		"/grub/x86_64-efi/grub.cfg":      "grub/x86_64-efi/grub.cfg",
		"grub//x86_64-efi///grub.cfg":    "grub/x86_64-efi/grub.cfg",
		"ipxe/52:54:00:00:00:01":         "ipxe/52:54:00:00:00:01",
		`\boot\x64\wdsnbp.com`:           "boot/x64/wdsnbp.com",
		`\\boot\x`:                       "boot/x",
		`boot\x/y`:                       "boot/x/y",
		long:                             long,
		"1/2/3/4/5/6/7/8":                "1/2/3/4/5/6/7/8",
		"/1/2/3/4/5/6/7/8":               "1/2/3/4/5/6/7/8",
		"":                               "",
		"/":                              "",
		`\`:                              "",
		".":                              "",
		"..":                             "",
		"a/":                             "",
		`a\`:                             "",
		"../etc/passwd":                  "",
		"/../../etc/passwd":              "",
		`..\..\etc\passwd`:               "",
		"a/../b":                         "",
		"a/./b":                          "",
		"a/.hidden":                      "",
		"a/b\x00":                        "",
		"a\nb":                           "",
		"a b":                            "",
		"snponly.efi ":                   "",
		"caf\xc3\xa9":                    "",
		"\xff\xff":                       "",
		long + "n":                       "",
		"1/2/3/4/5/6/7/8/9":              "",
		strings.Repeat("/", 512) + "a":   "",
		strings.Repeat("a/", 255) + "aa": "",
	} {
		got, err := cleanName(raw)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q, %v; want %q", raw, got, err, want)
		}
		if err != nil && !errors.Is(err, bootfiles.ErrName) {
			t.Errorf("%q: %v isn't ErrName", raw, err)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{
		"snponly.efi", "/snponly.efi", "//grubx64.efi", "/grub/x86_64-efi/grub.cfg", "ipxe/52:54:00:00:00:01",
		`\boot\x64\wdsnbp.com`, "..", "/../x", "a/../b", "a/./b", "a\x00b", "a/", "a//b", `\\x\y`, strings.Repeat("a", 200), strings.Repeat("a/", 300),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if len(quoted(raw)) > 4*80+5 {
			t.Fatal("a long name in the log")
		}
		name, err := cleanName(raw)
		if err != nil {
			if !errors.Is(err, bootfiles.ErrName) {
				t.Fatalf("%q: %v isn't ErrName", raw, err)
			}
			return
		}
		if !fs.ValidPath(name) || name == "." || len(name) > maxName || strings.ContainsAny(name, "\\\x00") || strings.Contains("/"+name, "/.") || strings.Count(name, "/") >= maxParts {
			t.Fatalf("%q became %q", raw, name)
		}
		if again, err := cleanName(name); again != name || err != nil {
			t.Fatalf("%q became %q, and that %q, %v", raw, name, again, err)
		}
		for part := range strings.SplitSeq(name, "/") {
			if !strings.Contains(raw, part) {
				t.Fatalf("%q became %q", raw, name)
			}
		}
	})
}
