//go:build e2e

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rackhand/provision/rack"
)

// TestBuildOnABareMachine runs `make build` in a root that has make, git and certificates
// and nothing else. Debian 12's own Go is too old, and is not used and not changed. The
// module and build caches are this machine's, so that it costs a minute and not five.
func TestBuildOnABareMachine(t *testing.T) {
	t.Parallel()
	upstreams, err := rack.AptUpstreams()
	if err != nil {
		t.Fatal(err)
	}
	if upstreams["debian"] == "" {
		t.Fatalf("this machine's apt has no archive of Debian: %v", upstreams)
	}
	root := filepath.Join(t.TempDir(), "root")
	output(t, exec.Command("mmdebstrap", "--quiet", "--variant=minbase", "--include=make,git,ca-certificates",
		"--aptopt=Acquire::Languages \"none\"", "bookworm", root, "deb "+upstreams["debian"]+" bookworm main"))
	// The files that such a machine has: its resolver, its authorities, the sources.
	for _, path := range []string{"/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, path), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(root, "src")
	if err := os.Mkdir(src, 0o755); err != nil {
		t.Fatal(err)
	}
	output(t, exec.Command("sh", "-c", `cd "$1" && git -c safe.directory='*' ls-files -z -co --exclude-standard | tar -c --null -T - | tar -x -C "$2"`, "sh", top, src))

	first := inRoot(t, root, "make -C /src build && /src/bin/rackhand --version && go version")
	for _, want := range []string{"there is no Go: Debian's golang-go is installed", "fetching Go ", "go version go1.19"} {
		if !strings.Contains(first, want) {
			t.Errorf("the first build doesn't say %q:\n%s", want, first)
		}
	}
	if second := inRoot(t, root, "make -C /src build"); strings.Contains(second, "fetching") || strings.Contains(second, "installing") {
		t.Errorf("the second build does it all again:\n%s", second)
	}
	// Programs that apt can't install are named before anything is done: here, sudo.
	said := inRoot(t, root, "mount -t tmpfs none /dev; su -s /bin/sh nobody -c '/src/.ci/needs test /src/.cache' || true")
	for _, want := range []string{"make test: you are not root, and there is no sudo", "make test: there is no /dev/net/tun: load the kernel's tun module"} {
		if !strings.Contains(said, want) {
			t.Errorf("it doesn't say %q:\n%s", want, said)
		}
	}
}

// inRoot runs a script in a root; its mounts are gone with it.
func inRoot(t *testing.T, root, script string) string {
	t.Helper()
	env := func(name string) string { return strings.TrimSpace(output(t, exec.Command("go", "env", name))) }
	prepare := fmt.Sprintf("set -e; cd %s; mkdir -p root/go/pkg/mod root/.cache/go-build; mount -t proc none proc; mount --rbind /dev dev; "+
		"mount --bind %s root/go/pkg/mod; mount --bind %s root/.cache/go-build; exec chroot . sh -ec \"$0\"", root, env("GOMODCACHE"), env("GOCACHE"))
	cmd := exec.Command("unshare", "--mount", "--propagation=private", "sh", "-c", prepare, script)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"}
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY", "GOPRIVATE", "GOFLAGS"} {
		cmd.Env = append(cmd.Env, name+"="+env(name))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return output(t, cmd)
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v:\n%s", strings.Join(cmd.Args, " "), err, out.String())
	}
	return out.String()
}
