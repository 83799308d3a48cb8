package agentfile

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func read(t *testing.T, p *Program) string {
	t.Helper()
	if p == nil {
		return "nothing"
	}
	f, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil || int64(len(b)) != p.Size {
		t.Fatalf("%d bytes of %d, %v", len(b), p.Size, err)
	}
	return string(b)
}

// TestLoad: the appliance's own agent is kept under its version, and one of before can be
// asked for.
func TestLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "agents")
	for _, tt := range []struct {
		version, own, asked string
		offered, problem    string
	}{
		{"v1", "one", "", "one", ""},
		{"v1", "one, built again", "", "one, built again", ""},
		{"v2", "two", "", "two", ""},
		{"v2", "two", "v2", "two", ""},
		{"v2", "two", "v1", "one, built again", ""},
		{"v2", "two", "v9", "nothing", "there is no agent v9 in "},
		{"v2", "two", "../v1", "nothing", "can't be a version"},
		{"v2", "", "", "nothing", ""},
		{"v2", "", "v1", "one, built again", ""},
		{"no version", "three", "", "nothing", ""},
	} {
		var own []byte
		if tt.own != "" {
			own = []byte(tt.own)
		}
		p, err := Load(dir, tt.version, own, tt.asked)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, p.Offered); got != tt.offered || !strings.Contains(p.Problem, tt.problem) || (p.Problem == "") != (tt.problem == "") {
			t.Errorf("%+v: %q, %q", tt, got, p.Problem)
		}
		if p.Offered != nil && p.Get(p.Offered.SHA256) != p.Offered || p.Get("") != nil {
			t.Errorf("%+v: it can't be got by its hash", tt)
		}
	}
}

// TestPrune: the newest stay, and the one that is asked for.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for i := range 9 {
		name := filepath.Join(dir, fmt.Sprintf("v%d", i))
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, time.Time{}, time.Unix(int64(1000+i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir, "v9", []byte("nine"), "v0"); err != nil {
		t.Fatal(err)
	}
	if got, want := Versions(dir), []string{"v9", "v8", "v7", "v6", "v5", "v0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestNotKept: a full disk costs no host its agent.
func TestNotKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(filepath.Join(file, "agents"), "v1", []byte("one"), "")
	if err == nil || read(t, p.Offered) != "one" {
		t.Error(err)
	}
}
