package appliance

import (
	"reflect"
	"strings"
	"testing"

	"rackhand/provision/mirror"
	"rackhand/templates/kickstart"
)

func TestArchives(t *testing.T) {
	got := archives([]string{"debian", "debian-security", "rocky"}, "bookworm")
	want := []mirror.Archive{
		{Upstream: "debian", Suite: "bookworm", Components: []string{"main"}},
		{Upstream: "debian", Suite: "bookworm-updates", Components: []string{"main"}},
		{Upstream: "debian-security", Suite: "bookworm-security", Components: []string{"main"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := archives([]string{"rocky"}, "bookworm"); got != nil {
		t.Errorf("%v", got)
	}
}

func TestPackagesOf(t *testing.T) {
	for text, want := range map[string]string{
		"-vim\nnginx # the server\n\n# none\n curl": "nginx curl",
		"nginx\n@core": "ks:4:1: rackhand-installer adds packages to an image, and a group makes no sense on one: @core",
		"lib*":         "ks:3:1: rackhand-installer takes no patterns of packages: lib*",
	} {
		f, err := kickstart.Parse("ks", []byte("lang C\n%packages\n"+text+"\n%end\n%post\nnano\n%end\n"))
		if err != nil {
			t.Fatal(err)
		}
		names, err := packagesOf(f)
		got := strings.Join(names, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s", text, got)
		}
	}
}
