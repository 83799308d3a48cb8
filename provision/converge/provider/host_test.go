package provider_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/provider"
)

// host is a host in a folder.
type host struct {
	t     *testing.T
	root  string
	files provider.Files
	all   map[string]provider.Provider
}

func newHost(t *testing.T) *host {
	t.Helper()
	root := t.TempDir()
	manager := &files.Files{Root: root, Runner: command.Exec{}, Random: strings.NewReader(strings.Repeat("random", 1000))}
	h := &host{t: t, root: root, files: manager, all: provider.All(provider.Host{Root: root, Files: manager, Runner: command.Exec{}})}
	h.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0o644)
	if err := os.MkdirAll(filepath.Join(root, "var/lib/rackhand-agent"), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *host) write(name, text string, mode os.FileMode) {
	h.t.Helper()
	name = filepath.Join(h.root, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) read(name string) string {
	h.t.Helper()
	b, err := os.ReadFile(filepath.Join(h.root, name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

// provider is that of a resource, which gets its id.
func (h *host) provider(r *catalog.Resource) provider.Provider {
	h.t.Helper()
	kind, spec := r.Kind()
	r.ID = catalog.ID(kind, spec.Title())
	if err := r.Validate(); err != nil {
		h.t.Fatal(err)
	}
	return h.all[kind]
}

// converge checks a resource, and applies it if it differs: the result is what differed, or
// the error.
func (h *host) converge(r catalog.Resource) string {
	h.t.Helper()
	p := h.provider(&r)
	differs, err := p.Check(h.t.Context(), &r)
	if err == nil && len(differs) > 0 {
		if err = p.Apply(h.t.Context(), &r); err == nil {
			if again, err := p.Check(h.t.Context(), &r); err != nil || len(again) > 0 {
				h.t.Errorf("%s differs after it was applied: %q, %v", r.ID, again, err)
			}
		}
	}
	if err != nil {
		return "error: " + err.Error()
	}
	return strings.Join(differs, "; ")
}

// dry checks resources one after the other in a dry run: the differences of each and its diff.
func (h *host) dry(all ...catalog.Resource) (out []string) {
	h.t.Helper()
	ctx := provider.WithDrafts(context.Background(), &provider.Drafts{})
	for _, r := range all {
		p := h.provider(&r)
		differs, err := p.Check(ctx, &r)
		text := strings.Join(differs, "; ")
		if err != nil {
			text = "error: " + err.Error()
		}
		if d, ok := p.(provider.Differ); ok && err == nil && len(differs) > 0 {
			for line := range strings.Lines(d.Diff(ctx, &r)) {
				if (line[0] == '+' || line[0] == '-') && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "+++") {
					text += "|" + strings.TrimSuffix(line, "\n")
				}
			}
		}
		out = append(out, text)
	}
	return out
}

// is compares what happened with what should.
func (h *host) is(got []string, want ...string) {
	h.t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] && !(strings.HasSuffix(want[i], "…") && strings.HasPrefix(got[i], strings.TrimSuffix(want[i], "…"))) {
			h.t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			return
		}
	}
}
