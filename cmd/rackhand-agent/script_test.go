package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rackhand/provision/catalog"
	"rackhand/provision/converge"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"rackhand-agent": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  filepath.Join("testdata", "script"),
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "converge": convergeKept},
	})
}

// convergeKept brings the kept catalog of a root about, without an appliance.
func convergeKept(ts *testscript.TestScript, neg bool, args []string) {
	paths := converge.Paths{Root: ts.MkAbs(args[0])}
	ts.Check(os.WriteFile(paths.In("/etc/rackhand/agent.json"), []byte(`{"appliance": "https://127.0.0.1:1", "host": "web1"}`), 0o600))
	c, err := catalog.Decode([]byte(ts.ReadFile(args[0] + "/var/lib/rackhand-agent/catalog.json")))
	ts.Check(err)
	ts.Check(c.Validate())
	state, _, err := converge.OpenState(paths.In("/var/lib/rackhand-agent/state.json"))
	ts.Check(err)
	agent := newAgent(paths, slog.New(slog.DiscardHandler), io.Discard, time.Minute)
	if got := converge.Worst(agent.Engine.Converge(context.Background(), c, state, false)); neg != (got == catalog.Failed) {
		ts.Fatalf("the run is %s", got)
	}
}

// exits runs a command that is to end with a status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var status *exec.ExitError
		if !errors.As(err, &status) {
			ts.Fatalf("%v", err)
		}
		got = status.ExitCode()
	}
	if neg || got != want {
		ts.Fatalf("ended with status %d, not %d", got, want)
	}
}
