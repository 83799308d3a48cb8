package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"rackhand/bootfiles/media/mediatest"
)

var update = flag.Bool("update", false, "write what the commands say into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rackhand": func() { os.Exit(shown(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "make-iso": makeISO},
	})
}

// makeISO writes the tests' ISO, as in: make-iso tree.iso.
func makeISO(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: make-iso FILE")
	}
	path, err := mediatest.Write(ts.Getenv("WORK"))
	ts.Check(err)
	ts.Check(os.Rename(path, ts.MkAbs(args[0])))
}

// exits runs a command that is to end with a status, as in: exits 2 rackhand diff.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGUMENT...]")
	}
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
	if got != want {
		ts.Fatalf("ended with status %d, not %d:\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// TestInvisible: no output of a command controls the terminal.
func TestInvisible(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a\x1b]0;b\x07\u202ec.ks")
	if err := os.WriteFile(name, []byte("fooo\u202e \x1b[31m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"check", name},
		{"check", "--kickstart", name, "--release", "RHEL9"},
		{"import", name},
		{"no\x1bcommand\u202e"},
		{"status", "--socket", name},
		{"serve", "--config", name},
		{"explain", "x\u202e", "--inventory", dir},
	} {
		var out, errs strings.Builder
		shown(args, &out, &errs)
		if text := out.String() + errs.String(); text == "" || strings.ContainsFunc(text, func(r rune) bool {
			return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
		}) {
			t.Errorf("%q says %q", args, text)
		}
	}
	// The log is a terminal's as well.
	var log strings.Builder
	logTo(&log).Info("a\u202eb", "k\x1b[1m", "c\u200bd\x1b[31m\ne")
	if strings.ContainsFunc(strings.TrimSuffix(log.String(), "\n"), func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		t.Errorf("%q", log.String())
	}
}
