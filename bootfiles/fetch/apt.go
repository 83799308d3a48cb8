package fetch

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"rackhand/bootfiles/image"
)

// An apt is this machine's apt with a state of its own, in a working folder, for
// another processor. The machine's own lists and packages stay as they are.
type apt struct {
	work      string
	processor string
	run       func(ctx context.Context, dir, name string, args ...string) (string, error)
	log       *slog.Logger
}

func (a *apt) in(path string) string { return filepath.Join(a.work, path) }

// root is where the packages are unpacked to.
func (a *apt) root() string { return a.in("root") }

// packages fetches and unpacks packages, and returns the version of each.
func (a *apt) packages(ctx context.Context, sources []image.Source, names []string) (map[string]string, error) {
	for _, dir := range []string{"lists/partial", "cache/archives/partial", "debs", "root"} {
		if err := os.MkdirAll(a.in(dir), 0o755); err != nil {
			return nil, err
		}
	}
	var lines strings.Builder
	for _, s := range sources {
		fmt.Fprintln(&lines, s.Line())
	}
	if err := os.WriteFile(a.in("sources.list"), []byte(lines.String()), 0o644); err != nil {
		return nil, err
	}
	a.log.Info("reading the package lists", "processor", a.processor)
	if _, err := a.run(ctx, a.work, "apt-get", a.args("update")...); err != nil {
		return nil, err
	}
	a.log.Info("fetching packages", "packages", strings.Join(names, " "))
	if _, err := a.run(ctx, a.in("debs"), "apt-get", append(a.args("download"), names...)...); err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, name := range names {
		// apt-get download names a file PACKAGE_VERSION_ARCH.deb.
		debs, err := filepath.Glob(a.in("debs/" + name + "_*.deb"))
		if err != nil || len(debs) != 1 {
			return nil, fmt.Errorf("apt-get download left %d files of the package %s, not one", len(debs), name)
		}
		version, err := a.run(ctx, a.work, "dpkg-deb", "--field", debs[0], "Version")
		if err != nil {
			return nil, err
		}
		versions[name] = strings.TrimSpace(version)
		if _, err := a.run(ctx, a.work, "dpkg-deb", "--extract", debs[0], a.root()); err != nil {
			return nil, err
		}
	}
	return versions, nil
}

// args is a command line of apt-get with a state of its own. Settings such as proxies
// come from the machine's apt.conf.
func (a *apt) args(command string) []string {
	var args []string
	for _, o := range []string{
		"APT::Architecture=" + a.processor, "APT::Architectures::=" + a.processor,
		"Dir::State::lists=" + a.in("lists"), "Dir::State::status=/dev/null", "Dir::Cache=" + a.in("cache"),
		"Dir::Etc::sourcelist=" + a.in("sources.list"), "Dir::Etc::sourceparts=/dev/null",
		// Its own user can't enter our folder.
		"APT::Sandbox::User=root",
		"Acquire::Languages=none", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
		"Acquire::Retries=3", "Acquire::http::Timeout=30", "Acquire::https::Timeout=30",
		"APT::Update::Error-Mode=any", // an archive that doesn't answer is an error
	} {
		args = append(args, "-o", o)
	}
	return append(args, "-q", command)
}

// maxOutput bounds the kept part of a command's output, in bytes.
const maxOutput = 16 << 10

// command runs a program; its error has the last lines of the program's output.
func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	for _, key := range []string{"HOME", "http_proxy", "https_proxy", "no_proxy"} {
		if v, ok := os.LookupEnv(key); ok {
			cmd.Env = append(cmd.Env, key+"="+v)
		}
	}
	// apt has children of its own, which must not outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out := &tail{}
	said := &tail{}
	cmd.Stdout, cmd.Stderr = out, said
	if err := cmd.Run(); err != nil {
		return "", explain(name, err, string(said.b))
	}
	return string(out.b), nil
}

// A tail keeps the last bytes written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > maxOutput {
		t.b = t.b[len(t.b)-maxOutput:]
	}
	return len(p), nil
}

// explain turns what apt said into what to do.
func explain(name string, err error, said string) error {
	hint := "see its output above"
	for _, h := range [][2]string{
		{"Unable to locate package", "the archives have no such package for this processor: check that they carry it (some mirrors have amd64 alone)"},
		{"NO_PUBKEY", "an archive isn't signed by Debian's keys: apt install debian-archive-keyring"},
		{"Temporary failure resolving", "the archive's name doesn't resolve: check this machine's DNS"},
		{"Could not connect", "the archive doesn't answer: check apt's sources and proxy"},
		{"No space left on device", "make room: it takes about 80 MB while it runs"},
		{"executable file not found", "this needs a Debian machine, with apt and dpkg"},
	} {
		if strings.Contains(said+err.Error(), h[0]) {
			hint = h[1]
			break
		}
	}
	return fmt.Errorf("%s: %s\n%s failed: %w: %s", name, strings.TrimSpace(said), name, err, hint)
}
