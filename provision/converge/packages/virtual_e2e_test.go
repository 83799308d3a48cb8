//go:build e2e

package packages

import (
	"os/exec"
	"strings"
	"testing"
)

// The format is the real apt-cache's: it says what a name is of which it knows nothing.
func TestShowpkgOfRealApt(t *testing.T) {
	out, err := exec.Command("apt-cache", "showpkg", "--", "dpkg").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(out), "Package: dpkg\nVersions: \n") || !strings.Contains(string(out), "\nReverse Provides: \n") {
		t.Errorf("showpkg writes\n%.400s", out)
	}
	if got := parseShowpkg(string(out)); len(got) > 0 {
		t.Errorf("dpkg is taken for virtual: %v", got)
	}
}
