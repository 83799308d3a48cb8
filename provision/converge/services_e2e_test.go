//go:build e2e

package converge

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rooted runs the real systemctl on the unit files of a folder. What only a running
// systemd tells is played: that all is active, which unit a link leads to, and the
// text of a unit.
type rooted struct{ root string }

func (r rooted) Run(ctx context.Context, env []string, args ...string) (Output, error) {
	name := strings.TrimSuffix(args[len(args)-1], ".service") + ".service"
	switch {
	case args[1] == "is-active":
		return Output{Stdout: "active\n"}, nil
	case args[1] == "cat":
		text, err := os.ReadFile(filepath.Join(r.root, "usr/lib/systemd/system", name))
		return Output{Stdout: string(text)}, err
	case args[1] == "show" && strings.Contains(args[2], "Id"):
		for range 8 { // links are absolute, below the root
			for _, folder := range []string{"usr/lib", "etc"} {
				if to, err := os.Readlink(filepath.Join(r.root, folder, "systemd/system", name)); err == nil {
					name = filepath.Base(to)
				}
			}
		}
		return Output{Stdout: name + "\n"}, nil
	}
	return Exec{}.Run(ctx, env, append([]string{args[0], "--root=" + r.root}, args[1:]...)...)
}

// TestServiceAliasSystemctl asks systemctl about Debian's forms of an alias: a link
// that the package brings, and one that is made as the unit is enabled, by which
// systemctl refuses to disable it.
func TestServiceAliasSystemctl(t *testing.T) {
	root := t.TempDir()
	units := filepath.Join(root, "usr/lib/systemd/system")
	for _, dir := range []string{units, filepath.Join(root, "etc/systemd/system")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
	for name, text := range map[string]string{"nfs-server": unit, "ssh": unit + "Alias=sshd.service\n"} {
		if err := os.WriteFile(filepath.Join(units, name+".service"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nfs-server.service", filepath.Join(units, "nfs-kernel-server.service")); err != nil {
		t.Fatal(err)
	}
	s := Systemd{Runner: rooted{root}}
	is := func(name, enabled, unit string) ServiceState {
		t.Helper()
		st, err := s.State(t.Context(), name)
		if err != nil || st.Enabled != enabled || st.Unit != unit {
			t.Errorf("%s: %+v, %v, want %q of %s", name, st, err, enabled, unit)
		}
		if want := enabled == "enabled"; st.holdsEnabled(want) == st.holdsEnabled(!want) {
			t.Errorf("%s is %s: both hold", name, enabled)
		}
		return st
	}
	do := func(action, unit string) {
		t.Helper()
		if err := s.Do(t.Context(), action, unit); err != nil {
			t.Error(err)
		}
	}
	is("nfs-server", "disabled", "nfs-server")
	do("enable", is("nfs-kernel-server", "disabled", "nfs-server.service").Unit)
	is("nfs-server", "enabled", "nfs-server")
	do("disable", is("nfs-kernel-server", "enabled", "nfs-server.service").Unit)
	is("nfs-kernel-server", "disabled", "nfs-server.service")

	// A link of the operator's own, which its unit knows nothing of.
	if err := os.Symlink("/usr/lib/systemd/system/nfs-server.service", filepath.Join(root, "etc/systemd/system/share.service")); err != nil {
		t.Fatal(err)
	}
	do("enable", is("share", "disabled", "nfs-server.service").Unit)
	is("share", "enabled", "nfs-server.service")

	is("sshd", "", "sshd") // there only once ssh is enabled
	do("enable", is("ssh", "disabled", "ssh").Unit)
	if err := s.Do(t.Context(), "enable", "sshd"); err == nil || !strings.Contains(err.Error(), "refusing") {
		t.Errorf("systemctl takes the alias: %v", err)
	}
	do("disable", is("sshd", "enabled", "ssh.service").Unit)
	is("ssh", "disabled", "ssh")
}
