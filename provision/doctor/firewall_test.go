package doctor

import (
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the goldens")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

// TestFirewallRulesets reads rulesets as the tools print them.
func TestFirewallRulesets(t *testing.T) {
	files, err := filepath.Glob("testdata/firewall/*.*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, ".golden") {
			continue
		}
		seen++
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			run := func(_ context.Context, name string, _ ...string) ([]byte, error) {
				if strings.HasSuffix(file, ".json") == (name == "nft") {
					return text, nil
				}
				return nil, &exec.Error{Name: name, Err: exec.ErrNotFound}
			}
			var out strings.Builder
			writeFindings(&out, Firewall(t.Context(), run, "eth1", Ports(69, 80, 8443)), 0)
			golden(t, file+".golden", out.String())
		})
	}
	if seen < 7 {
		t.Errorf("%d rulesets: some are missing", seen)
	}
}

// TestFirewallUnseen: a firewall that could not be checked is reported, not called "ok".
func TestFirewallUnseen(t *testing.T) {
	denied := errors.New("operation not permitted")
	for name, tc := range map[string]struct {
		run    Tool
		text   string
		unseen bool
	}{
		"not installed": {func(_ context.Context, name string, _ ...string) ([]byte, error) {
			return nil, &exec.Error{Name: name, Err: exec.ErrNotFound}
		}, "nft and iptables-save are not installed", true},
		"not allowed": {func(context.Context, string, ...string) ([]byte, error) { return nil, denied }, "operation not permitted", true},
		"no JSON":     {func(context.Context, string, ...string) ([]byte, error) { return []byte("table inet"), nil }, "the firewall could not be checked", true},
	} {
		got := Firewall(t.Context(), tc.run, "eth1", Ports(69, 80, 8443))
		if len(got) != 1 || !strings.Contains(got[0].Text, tc.text) || got[0].Level == OK {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestFirewallCircle: chains that call each other end.
func TestFirewallCircle(t *testing.T) {
	text := "*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n:b - [0:0]\n-A INPUT -j a\n-A a -j b\n-A a -j b\n-A b -j a\n-A b -j a\nCOMMIT\n"
	bases, err := parseIptables(text, packet4{"eth1", "udp", 67})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := passes(bases); got == yes {
		t.Error("a circle lets packets in")
	}
}

func FuzzRulesets(f *testing.F) {
	files, err := filepath.Glob("testdata/firewall/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := packet4{"eth1", "udp", 67}
		if bases, err := parseIptables(text, p); err == nil {
			passes(bases)
		}
		if bases, err := parseNFT([]byte(text), p); err == nil {
			passes(bases)
		}
	})
}

// TestRun bounds a tool: its time with the context, and what it prints.
func TestRun(t *testing.T) {
	out, err := Run(t.Context(), "echo", "hello")
	if err != nil || string(out) != "hello\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := Run(t.Context(), "rackhand-no-such-tool"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a tool that isn't there: %v", err)
	}
	if _, err := Run(t.Context(), "cat", "/dev/zero"); err == nil {
		t.Error("endless output is taken")
	}
	if _, err := Run(t.Context(), "false"); err == nil {
		t.Error("a failure is taken")
	}
}
