//go:build e2e

package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestAppliance runs the commands against an appliance in a network namespace.
func TestAppliance(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("this test makes a network namespace: run it as root (make e2e)")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/appliance", UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}
