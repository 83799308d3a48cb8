package roletest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/inventory/role"
)

// A role that notifies a resource of the host's other roles can't be tested alone; the hint
// says why.
func TestResourceOfAnotherRole(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "site.yaml"), []byte("resources:\n  - file: /x\n    content: a\n    notify: service[nginx]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, _ := role.Load(dir)
	_, problems := RunFile("roles/site.test.yaml", "site", []byte("tests:\n  - name: x\n    expect: {}\n"), set, role.Input{Secret: StandIn})
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "there is no service[nginx]") || !strings.Contains(problems[0].Hint, "not of the host's other roles") {
		t.Errorf("%v", problems)
	}
}
