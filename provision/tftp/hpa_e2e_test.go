//go:build e2e

package tftp

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestRealClient fetches with tftp-hpa, in both modes, and is refused what
// isn't there.
func TestRealClient(t *testing.T) {
	tool, err := exec.LookPath("tftp")
	if err != nil {
		t.Fatalf("%v: install the package tftp-hpa", err)
	}
	b := start(t, 0)
	fetch := func(name string, args ...string) ([]byte, string) {
		path := filepath.Join(t.TempDir(), "got")
		args = append(args, "127.0.0.1", strconv.Itoa(b.addr.Port), "-c", "get", name, path)
		out, _ := exec.Command(tool, args...).CombinedOutput()
		got, _ := os.ReadFile(path)
		return got, string(out)
	}
	for _, args := range [][]string{{"-m", "binary"}, {"-m", "netascii"}} {
		if got, out := fetch("snponly.efi", args...); !bytes.Equal(got, program) {
			t.Errorf("%v: %d bytes, %s", args, len(got), out)
		}
	}
	for _, name := range []string{"../../etc/passwd", "/etc/passwd", "nobody.efi"} {
		if got, out := fetch(name, "-m", "binary"); len(got) != 0 || !strings.Contains(out, "file not found") {
			t.Errorf("%s: %d bytes, %s", name, len(got), out)
		}
	}
}
