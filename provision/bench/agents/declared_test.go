package agents

import (
	"strings"
	"testing"
)

// TestDeclared: each tool has every resource once, and the same contents.
func TestDeclared(t *testing.T) {
	for name, tt := range map[string]struct{ text, marks string }{
		"role": {Role(), "  - "}, "manifest": {Manifest(), " { '"}, "playbook": {Playbook(), "    - "},
	} {
		if n := strings.Count(tt.text, tt.marks); n != resources {
			t.Errorf("the %s has %d resources, want %d", name, n, resources)
		}
	}
	promises := Promises()
	if n := strings.Count(promises, "files: ") + strings.Count(promises, "packages: ") + strings.Count(promises, "services: "); n != resources {
		t.Errorf("there are %d promises, want %d", n, resources)
	}
	if n := strings.Count(promises, "07 of many lines\n"); n != 40 || len(content(7)) != 680 {
		t.Errorf("a content stands in the promises %d times, and has %d bytes", n, len(content(7)))
	}
}
