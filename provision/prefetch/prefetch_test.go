package prefetch

import (
	"reflect"
	"strings"
	"testing"

	"rackhand/provision/mirror"
	"rackhand/templates/kickstart"
)

func TestArchives(t *testing.T) {
	got := archives([]string{"debian", "debian-security", "rocky", "ubuntu"}, "debian", "bookworm")
	want := []mirror.Archive{
		{Upstream: "debian", Suite: "bookworm", Components: []string{"main"}},
		{Upstream: "debian", Suite: "bookworm-updates", Components: []string{"main"}},
		{Upstream: "debian-security", Suite: "bookworm-security", Components: []string{"main"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := archives([]string{"rocky", "debian"}, "ubuntu", "noble"); got != nil {
		t.Errorf("%v", got)
	}
}

func TestPackagesOf(t *testing.T) {
	f, err := kickstart.Parse("ks", []byte("lang C\n%packages\n@core --nodefaults\n@^server\n-vim\nnginx # the server\n\n# none\nlib*\n curl\n%end\n%post\nnano\n%end\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := packagesOf(f)
	if text := strings.Join(got, " "); text != "@core @^server -vim nginx curl" {
		t.Errorf("%q", text)
	}
	if text := strings.Join(plain(got), " "); text != "nginx curl" {
		t.Errorf("%q", text)
	}
}
