package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"rackhand/provision"
)

// remedies are the commands that package why recommends, with * for each part that is known
// at run time only, and an example of each.
var remedies = map[string]string{
	"rackhand bootfiles":                         "rackhand bootfiles",
	"rackhand bootfiles fetch *":                 "rackhand bootfiles fetch arm64",
	"rackhand burnin *":                          "rackhand burnin web1",
	"rackhand check":                             "rackhand check inventory",
	"rackhand converge *":                        "rackhand converge web1",
	"rackhand doctor":                            "rackhand doctor",
	"rackhand enrol *":                           "rackhand enrol web1",
	"rackhand explain *":                         "rackhand explain web1",
	"rackhand explain * boot.program":            "rackhand explain web1 boot.program",
	"rackhand image build *":                     "rackhand image build debian12",
	"rackhand image list":                        "rackhand image list",
	"rackhand install *":                         "rackhand install web1",
	"rackhand install * --wipe":                  "rackhand install web1 --wipe",
	"rackhand log *":                             "rackhand log web1",
	"rackhand media add * FILE.iso":              "rackhand media add rocky9 FILE.iso",
	"rackhand media list":                        "rackhand media list",
	"rackhand media verify *":                    "rackhand media verify rocky9",
	"rackhand mirror list":                       "rackhand mirror list",
	"rackhand power * cycle":                     "rackhand power web1 cycle",
	"rackhand power * status":                    "rackhand power web1 status",
	"rackhand release *":                         "rackhand release web1",
	"rackhand render *":                          "rackhand render web1",
	"rackhand set hosts.*.address *":             "rackhand set hosts.web1.address 10.77.0.150",
	"rackhand set hosts.*.boot.program *":        "rackhand set hosts.web1.boot.program ipxe.efi",
	"rackhand set hosts.*.boot.secure_boot true": "rackhand set hosts.web1.boot.secure_boot true",
	"rackhand set hosts.*.mac ":                  "rackhand set hosts.web1.mac 52:54:00:00:00:07 52:54:00:00:00:08",
	"rackhand set hosts.*.mac *":                 "rackhand set hosts.web1.mac 52:54:00:00:00:09",
	"rackhand set hosts.*.system NAME":           "rackhand set hosts.web1.system debian13",
	"rackhand set networks.*.dhcp authoritative": "rackhand set networks.rack1.dhcp authoritative",
	"rackhand set networks.*.mtu 1400":           "rackhand set networks.rack1.mtu 1400",
}

const remedyInventory = `networks:
  rack1: {subnet: 10.77.0.0/24, dns: [10.77.0.1], dhcp: "off"}
systems:
  debian12: {installer: image, image: debian12}
  debian13: {installer: image, image: debian13}
hosts:
  web1: {mac: "52:54:00:00:00:01", address: 10.77.0.11, system: debian12, kickstart: base.ks}
`

// TestRemedies: each command that a diagnosis recommends exists, takes these arguments, and
// sets keys of the inventory that `rackhand set` accepts.
func TestRemedies(t *testing.T) {
	found := remediesIn(t, "../../provision/why")
	for command := range found {
		if remedies[command] == "" {
			t.Errorf("%s recommends %q: add it, with an example, to the table of this test", found[command], command)
		}
	}
	for command := range remedies {
		if found[command] == "" {
			t.Errorf("package why recommends %q no more", command)
		}
	}
	examples := map[string]bool{}
	for _, example := range remedies {
		examples[example] = true
	}
	for _, job := range []provision.Job{provision.NoJob, provision.JobWipe, provision.JobBurnin, provision.JobRescue} {
		examples[provision.Install{Host: "web1", Job: job}.Again()] = true
	}
	for example := range examples {
		args := strings.Fields(example)[1:]
		if err := parseCommand(args); err != nil {
			t.Errorf("%s: %v", example, err)
		}
		if args[0] != "set" {
			continue
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "rack.yaml"), []byte(remedyInventory), 0o600); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		if code := run(append([]string{"set", "--inventory", dir}, args[1:]...), &said, &said); code != 0 {
			t.Errorf("%s: status %d: %s", example, code, said.String())
		}
	}
}

// parseCommand parses the arguments of a command without running it.
func parseCommand(args []string) error {
	parser, err := newParser(func(int) {}, kong.Writers(io.Discard, io.Discard))
	if err != nil {
		return err
	}
	_, err = parser.Parse(args)
	return err
}

var (
	verb        = regexp.MustCompile(`%[a-z]`)
	inBackticks = regexp.MustCompile("`(rackhand [^`]*)`")
)

// remediesIn are the commands in the texts of a package's source, with the file of each.
func remediesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text, ok := textOf(e)
			if !ok {
				return true
			}
			if strings.HasPrefix(text, "rackhand ") {
				out[text] = name
			}
			for _, m := range inBackticks.FindAllStringSubmatch(text, -1) {
				out[m[1]] = name
			}
			return false
		})
	}
	return out
}

// textOf is an expression of texts with * for what isn't constant; false if nothing of it is.
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); e.Kind == token.STRING && err == nil {
			return verb.ReplaceAllString(text, "*"), true
		}
	case *ast.BinaryExpr:
		if e.Op != token.ADD {
			return "", false
		}
		left, constant := textOf(e.X)
		right, too := textOf(e.Y)
		if !constant {
			left = "*"
		}
		if !too {
			right = "*"
		}
		return left + right, constant || too
	}
	return "", false
}
