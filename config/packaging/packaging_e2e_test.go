//go:build e2e

package packaging

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// made is what `make packages` made: the one file that fits a pattern.
func made(t *testing.T, pattern string) string {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(os.Getenv("RACKHAND_PACKAGES"), pattern))
	if len(found) != 1 {
		t.Fatalf("RACKHAND_PACKAGES has %d files %s, want 1: `make packages` makes it", len(found), pattern)
	}
	return found[0]
}

// TestContents: the files of both packages, with owner and mode. Those for arm64 have the
// same.
func TestContents(t *testing.T) {
	listing := func(arch, cpu string) string {
		var files []string
		for line := range strings.Lines(run(t, "dpkg-deb", "-c", made(t, "rackhand_*_"+arch+".deb"))) {
			f := strings.Fields(line)
			if name := f[len(f)-1]; !strings.Contains(name, "/man1/rackhand-") {
				files = append(files, "deb "+f[0]+" "+f[1]+" "+strings.TrimPrefix(name, "."))
			}
		}
		for line := range strings.Lines(run(t, "rpm", "-qp", "--qf", "[rpm %{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]", made(t, "rackhand-*."+cpu+".rpm"))) {
			if !strings.Contains(line, "/man1/rackhand-") && strings.HasPrefix(line, "rpm ") {
				files = append(files, strings.TrimSpace(line))
			}
		}
		slices.Sort(files)
		return strings.ReplaceAll(strings.Join(files, "\n"), " 0/0 ", " root/root ") + "\n"
	}
	got := listing("amd64", "x86_64")
	golden := filepath.Join("testdata", "contents.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("with -update if it is meant:\n%s", d)
	}
	if d := cmp.Diff(got, listing("arm64", "aarch64")); d != "" {
		t.Errorf("arm64 differs:\n%s", d)
	}
	for _, name := range []string{"rackhand.1", "rackhand-install.1"} {
		if out := run(t, "dpkg-deb", "-c", made(t, "rackhand_*_arm64.deb")); !strings.Contains(out, "/man1/"+name+".gz\n") {
			t.Errorf("no manual page %s", name)
		}
	}
}

// TestLint: lintian and rpmlint find no error that isn't in a file of exceptions, where each
// has its reason.
func TestLint(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		out := run(t, "lintian", "--allow-root", "--fail-on", "error", made(t, "rackhand_*_"+arch+".deb"))
		t.Logf("lintian, %s:\n%s", arch, out)
	}
	// rpmlint's exit code doesn't tell errors from warnings in every version.
	for _, cpu := range []string{"x86_64", "aarch64"} {
		out, err := exec.Command("rpmlint", "--config", "rpmlint.toml", made(t, "rackhand-*."+cpu+".rpm")).CombinedOutput()
		summary := regexp.MustCompile(`(\d+) packages? and \d+ specfiles? checked; (\d+) errors`).FindSubmatch(out)
		if summary == nil || string(summary[1]) != "1" || string(summary[2]) != "0" {
			t.Errorf("rpmlint, %s: %v\n%s", cpu, err, out)
		}
	}
}

// TestReasons: each exception of lintian and rpmlint has its reason in the line above.
func TestReasons(t *testing.T) {
	for _, name := range []string{"lintian-overrides", "rpmlint.toml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		explained := false
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(line, "#"):
				explained = true
			case line == "" || line == "]" || line == "Filters = [":
				explained = false
			case !explained && !strings.HasPrefix(line, "' only-non-binary"): // one reason for two
				t.Errorf("%s: no reason for %s", name, line)
			default:
				explained = false
			}
		}
	}
}

// TestSandbox: what systemd says of the unit's exposure, from 0 to 10.
func TestSandbox(t *testing.T) {
	out := run(t, "systemd-analyze", "security", "--offline=true", "--threshold=30", "./rackhand.service")
	score := regexp.MustCompile(`Overall exposure level for rackhand.service: ([\d.]+)`).FindStringSubmatch(out)
	if score == nil {
		t.Fatalf("no score:\n%s", out)
	}
	t.Logf("the unit's exposure level is %s", score[1])
	if n, err := strconv.ParseFloat(score[1], 64); err != nil || n > 3 {
		t.Errorf("it is more than 3.0:\n%s", out)
	}
}

// TestSBOM: each package has the list of the modules in its program, as has the folder
// beside it.
func TestSBOM(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		beside, err := os.ReadFile(made(t, "rackhand_*_"+arch+".cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		var bom struct {
			BOMFormat  string
			Components []struct{ Name, Version string }
		}
		if err := json.Unmarshal(beside, &bom); err != nil || bom.BOMFormat != "CycloneDX" {
			t.Fatalf("%v, %q", err, bom.BOMFormat)
		}
		names := map[string]bool{}
		for _, c := range bom.Components {
			names[c.Name] = c.Version != ""
		}
		for _, want := range []string{"github.com/pin/tftp/v3", "github.com/insomniacslk/dhcp", "github.com/bougou/go-ipmi", "gopkg.in/yaml.v3", "github.com/labstack/echo/v4"} {
			if !names[want] {
				t.Errorf("%s: %s is not listed", arch, want)
			}
		}
		inside := run(t, "sh", "-c", "dpkg-deb --fsys-tarfile '"+made(t, "rackhand_*_"+arch+".deb")+"' | tar -xO ./usr/share/doc/rackhand/sbom.cdx.json.gz | gzip -d")
		if inside != string(beside) {
			t.Errorf("%s: the package has another list", arch)
		}
	}
}

// TestReproducible: the same commit in another folder gives the same bytes.
func TestReproducible(t *testing.T) {
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "a folder elsewhere")
	if _, err := os.Stat(filepath.Join(source, ".git")); err == nil {
		// With the repository, whose commit and date are in the packages, and with changes
		// that are not committed.
		run(t, "git", "clone", "-q", "--no-hardlinks", source, elsewhere)
		run(t, "sh", "-c", `cd "$1" && git diff HEAD --binary >"$2/diff" && cd "$2" && git apply --allow-empty diff && rm diff`, "sh", source, elsewhere)
	} else {
		run(t, "sh", "-c", `mkdir "$2" && tar -C "$1" --exclude ./.cache --exclude ./bin --exclude ./dist -c . | tar -x -C "$2"`, "sh", source, elsewhere)
	}
	run(t, "make", "-C", elsewhere, "build", "CACHE="+filepath.Join(source, ".cache"))
	out := t.TempDir()
	run(t, filepath.Join(elsewhere, ".ci/packages"), out, "amd64")
	for _, pattern := range []string{"rackhand_*_amd64.deb", "rackhand-*.x86_64.rpm", "rackhand_*_amd64.cdx.json"} {
		again, _ := filepath.Glob(filepath.Join(out, pattern))
		if len(again) != 1 {
			t.Fatalf("%d files %s", len(again), pattern)
		}
		one, err1 := os.ReadFile(made(t, pattern))
		two, err2 := os.ReadFile(again[0])
		if err1 != nil || err2 != nil || !bytes.Equal(one, two) || filepath.Base(again[0]) != filepath.Base(made(t, pattern)) {
			t.Errorf("%s and %s differ: %v, %v", made(t, pattern), again[0], err1, err2)
		}
	}
}

// TestRPM: the rpm's scripts do in a root what the deb's do: they make the user and enable the
// unit, and an upgrade and a removal leave settings and state. The root is a Debian, whose
// packages rpm doesn't know: that is why dependencies aren't checked.
func TestRPM(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	run(t, "cp", "-a", "--reflink=auto", filepath.Join(os.Getenv("RACKHAND_PEERS"), "shipped"), root)
	in := func(path string) string { return filepath.Join(root, path) }
	name := made(t, "rackhand-*.x86_64.rpm")
	said := run(t, "rpm", "--root", root, "--nodeps", "-i", name)
	if !strings.Contains(said, "rackhand init") {
		t.Errorf("it doesn't say what comes next: %s", said)
	}
	run(t, "chroot", root, "rackhand", "version")
	if _, err := os.Lstat(in("etc/systemd/system/multi-user.target.wants/rackhand.service")); err != nil {
		t.Errorf("the unit isn't enabled: %v", err)
	}
	owners := run(t, "chroot", root, "stat", "-c", "%U %a", "/var/lib/rackhand", "/etc/rackhand", "/etc/rackhand/secrets")
	if owners != "rackhand 750\nroot 755\nrackhand 700\n" {
		t.Errorf("the folders:\n%s", owners)
	}
	for _, path := range []string{"etc/rackhand/rackhand.yaml", "var/lib/rackhand/rackhand.db"} {
		if err := os.WriteFile(in(path), []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "rpm", "--root", root, "--nodeps", "-V", "rackhand")
	run(t, "rpm", "--root", root, "--nodeps", "--replacepkgs", "-U", name)
	if said := run(t, "rpm", "--root", root, "-e", "rackhand"); !strings.Contains(said, "/var/lib/rackhand stays") {
		t.Errorf("it doesn't say what stays: %s", said)
	}
	for _, path := range []string{"etc/rackhand/rackhand.yaml", "var/lib/rackhand/rackhand.db"} {
		if text, err := os.ReadFile(in(path)); err != nil || string(text) != "kept" {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if _, err := os.Lstat(in("usr/bin/rackhand")); !os.IsNotExist(err) {
		t.Errorf("the program is still there: %v", err)
	}
}
