//go:build e2e

package converge

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/backup"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/packages"
	"rackhand/provision/converge/provider"
	"rackhand/provision/janitor/container"
)

// booted is a Debian 12 whose systemd runs, in a container without a network. The engine
// is here, and its programs run there.
type booted struct {
	t    *testing.T
	root Paths
	// inside is what runs a program in the container.
	inside []string
	calls  []string
	state  *State
	apt    packages.Index // as the agent keeps it
	scale  time.Duration  // how long a second of waiting is
	hold   string         // until when restarts wait; "" for none
	boot   string         // what this boot is called
	last   []catalog.Result
}

// Run runs a program in the container. Paths below its root are those that it sees.
func (b *booted) Run(ctx context.Context, env []string, args ...string) (command.Output, error) {
	args = slices.Clone(args)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], b.root.Root+"/", "/")
	}
	b.calls = append(b.calls, strings.Join(args, " "))
	return command.Exec{}.Run(ctx, env, append(append([]string(nil), b.inside...), args...)...)
}

// TestBooted is one boot for all that wants a running systemd, dpkg and apt: a second for
// the root, one for the boot.
func TestBooted(t *testing.T) {
	b := boot(t)
	t.Run("services", b.services)
	t.Run("one question", b.oneQuestion)
	t.Run("enabled", b.enabled)
	t.Run("packages", b.packages)
	t.Run("package states", b.packageStates)
	t.Run("dry run", b.dryRun)
	t.Run("window", b.window)
	t.Run("control", b.control)
	t.Run("upgrade", b.upgrade)
	t.Run("drift", b.drift)
	t.Run("checks", b.checks)
	t.Run("kinds", b.kinds)
	t.Run("accounts", b.accounts)
	t.Run("passwords", b.passwords)
	t.Run("execs", b.execs)
	t.Run("timers", b.timers)
	t.Run("drop-ins", b.dropIns)
	t.Run("texts", b.texts)
	t.Run("repositories", b.repositories)
}

func boot(t *testing.T) *booted {
	images := os.Getenv("RACKHAND_IMAGES")
	image := filepath.Join(images, "debian12", "root.tar.zst")
	if _, err := os.Stat(image); images == "" || err != nil {
		t.Fatalf("%q: %v: `make image` builds it, and RACKHAND_IMAGES names its folder", image, err)
	}
	root := filepath.Join(t.TempDir(), "root")
	// From this machine's own bytes: nothing is made on another file system.
	sh(t, fmt.Sprintf("mkdir %s && zstd -dc %s | tar -x -C %[1]s --numeric-owner", root, image))
	return &booted{
		t: t, root: Paths{Root: root}, scale: 100 * time.Millisecond, boot: "this", state: &State{path: filepath.Join(t.TempDir(), "state.json")},
		inside: container.Boot(t, root, "--private-network"),
	}
}

func sh(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

func (b *booted) write(name, text string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.root.In(name)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.root.In(name), []byte(text), 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// do runs a program in the container that must succeed.
func (b *booted) do(args ...string) string {
	b.t.Helper()
	out, err := b.Run(b.t.Context(), nil, args...)
	if err != nil || out.Code != 0 {
		b.t.Fatalf("%v: %v %s", args, err, out.Explain())
	}
	return out.Stdout
}

// converge is one run, with the state of the run before.
func (b *booted) converge(noop bool, resources ...catalog.Resource) []string {
	b.t.Helper()
	text, err := json.Marshal(resources)
	if err != nil {
		b.t.Fatal(err)
	}
	c := &catalog.Catalog{Version: fmt.Sprintf("%x", sha256.Sum256(text)), Resources: resources}
	if err := c.Validate(); err != nil {
		b.t.Fatal(err)
	}
	b.calls = nil
	packages := &packages.Apt{Root: b.root.Root, Runner: b, Sleep: Sleep, Clock: time.Now}
	packages.SetIndex(b.apt)
	defer func() { b.apt = packages.Index() }()
	manager := &files.Files{Root: b.root.Root, Runner: b, Random: strings.NewReader(strings.Repeat("random", 1000))}
	manager.Backups = &backup.Store{Folder: b.root.Backups(), Clock: time.Now}
	e := &Engine{
		Packages: packages, Services: Systemd{Paths: b.root, Runner: b}, Files: manager,
		Providers: provider.All(provider.Host{Root: b.root.Root, Files: manager, Runner: b}),
		Log:       slog.New(slog.DiscardHandler), Clock: time.Now, Boot: func() string { return b.boot },
		Sleep: func(ctx context.Context, d time.Duration) error {
			return Sleep(ctx, time.Duration(d.Seconds()*float64(b.scale)))
		},
	}
	b.last = (&Agent{Engine: e}).converged(b.t.Context(), c, b.state, Mode{Noop: noop, Hold: func() string { return b.hold }})
	return statuses(b.last)
}

// is holds the results against what they should begin with.
func (b *booted) is(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
			return
		}
	}
}
