package rack

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAptTargets(t *testing.T) {
	tests := []struct {
		name, in string
		want     map[string]string
		wantErr  string
	}{
		{"debian and third parties", `Debian|bookworm|http://deb.example/debian/
Debian|bookworm-updates|http://deb.example/debian/
Debian|bookworm-security|https://sec.example:8443/mirror/debian-security/
Node|bookworm|http://third.example/node/
Debian|trixie|http://deb.example/other/
Debian|bookwormish|http://deb.example/ish/
Debian|bookworm|file:/srv/debian/
Debian|bookworm|http://user:secret@deb.example/private/
not a line
`, map[string]string{
			"debian":          "http://deb.example/debian",
			"debian-security": "https://sec.example:8443/mirror/debian-security",
		}, ""},
		{
			"the first is kept", "Debian|bookworm|http://a.example/debian\nDebian|bookworm|http://b.example/debian\n",
			map[string]string{"debian": "http://a.example/debian"},
			"",
		},
		{"no path, no name", "Debian|bookworm|http://a.example/\n", nil, "apt-get update"},
		{"nothing", "", nil, "apt-get update"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseAptTargets(strings.NewReader(tt.in), "bookworm")
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Fatalf("error %v, want one with %q", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDebianCodename(t *testing.T) {
	got, err := debianCodename(strings.NewReader("PRETTY_NAME=\"Debian 12\"\nVERSION_CODENAME=bookworm\nID=debian\n"))
	if err != nil || got != "bookworm" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := debianCodename(strings.NewReader("ID=fedora\nVERSION_CODENAME=\"\"\n")); err == nil {
		t.Error("Fedora passed for Debian")
	}
}

func FuzzParseAptTargets(f *testing.F) {
	f.Add("Debian|bookworm|http://a.example/debian/\n")
	f.Add("Debian|bookworm|http://[::1/debian\n||\n")
	f.Fuzz(func(t *testing.T, in string) {
		got, err := parseAptTargets(strings.NewReader(in), "bookworm")
		if err == nil && len(got) == 0 {
			t.Error("no mirrors and no error")
		}
		for name, base := range got {
			if name == "" || strings.Contains(name, "/") || !strings.HasPrefix(base, "http") {
				t.Errorf("%q: %q", name, base)
			}
		}
	})
}
