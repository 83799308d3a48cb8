//go:build bench

package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Environment variables that the measurements need.
const (
	envBin   = "RACKHAND_BIN"   // the program, as `make build` leaves it
	envPeers = "RACKHAND_PEERS" // the folder that .ci/peers filled
)

var (
	write  = flag.Bool("write", false, "put the tables into docs/performance.md")
	rounds = flag.Int("rounds", 3, "how often each server is measured, in turns")
)

// publish prints a table, and writes it into the document when asked to.
func publish(t *testing.T, name, text string) {
	t.Helper()
	fmt.Printf("\n%s\n", text)
	if !*write {
		return
	}
	if err := RewriteFile(filepath.Join("..", "..", "docs", "performance.md"), name, text); err != nil {
		t.Error(err)
	}
}

// otherWork is the part of the processors that is in use while this test does nothing,
// 0..1.
func otherWork(t *testing.T) float64 {
	t.Helper()
	times := func() cpuTimes {
		b, err := os.ReadFile("/proc/stat")
		if err != nil {
			t.Fatal(err)
		}
		c, err := parseStat(string(b))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := times()
	time.Sleep(3 * time.Second)
	return times().busySince(before)
}

// Addresses of the two ends of the cable.
const (
	serverAddr = "10.64.0.1"
	clientAddr = "10.64.0.2"
)

// A testNetwork is a namespace for a server and one for clients, with a cable between them.
type testNetwork struct {
	t              *testing.T
	server, client string
}

// janitor waits until the test ends, however it ends, and removes the namespaces and all
// processes in them.
const janitor = `cat >/dev/null
for ns in "$@"; do
    ip netns pids "$ns" | xargs -r kill -9
    ip netns del "$ns"
done`

func newTestNetwork(t *testing.T) *testNetwork {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("network namespaces need root: run `make bench`")
	}
	r := &testNetwork{t: t, server: fmt.Sprintf("rh-bench-%d-s", os.Getpid()), client: fmt.Sprintf("rh-bench-%d-c", os.Getpid())}
	j := exec.Command("sh", "-c", janitor, "janitor", r.server, r.client)
	// Not in the test's session: an interrupt from the terminal isn't meant for it.
	j.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := j.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.sh("ip", "netns", "add", r.server)
	r.sh("ip", "netns", "add", r.client)
	if err := j.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := j.Wait(); err != nil {
			t.Errorf("taking the namespaces away: %v", err)
		}
	})
	r.sh("ip", "-n", r.server, "link", "set", "lo", "up")
	r.sh("ip", "-n", r.client, "link", "set", "lo", "up")
	r.sh("ip", "-n", r.server, "link", "add", "srv", "type", "veth", "peer", "name", "cli", "netns", r.client)
	r.sh("ip", "-n", r.server, "addr", "add", serverAddr+"/10", "dev", "srv")
	r.sh("ip", "-n", r.client, "addr", "add", clientAddr+"/10", "dev", "cli")
	r.sh("ip", "-n", r.server, "link", "set", "srv", "up")
	r.sh("ip", "-n", r.client, "link", "set", "cli", "up")
	return r
}

func (r *testNetwork) sh(args ...string) {
	r.t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (r *testNetwork) clientCommand(args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", r.client}, args...)...)
}

// onClient runs a program in the client's namespace. It returns the output even when the
// program failed.
func (r *testNetwork) onClient(env []string, args ...string) (string, error) {
	cmd := r.clientCommand(args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// A serverProcess is a server that runs in the server's namespace.
type serverProcess struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	log  string
	done chan error
}

// start runs a server in the foreground. It ends with the test, or when stop is called. dir
// holds its log.
func (r *testNetwork) start(name, dir string, env []string, args ...string) *serverProcess {
	r.t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	// ip execs the program: its process id is the program's.
	cmd := exec.Command("ip", append([]string{"netns", "exec", r.server}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	d := &serverProcess{t: r.t, name: name, cmd: cmd, log: log.Name(), done: make(chan error, 1)}
	go func() { d.done <- cmd.Wait() }()
	r.t.Cleanup(d.stop)
	return d
}

// stop ends the server. A second call does nothing.
func (d *serverProcess) stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-d.done:
	case <-time.After(20 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.done
	}
	d.cmd = nil
}

// await waits until ready is nil.
func (d *serverProcess) await(ready func() error) {
	d.t.Helper()
	var err error
	for range 60 {
		select {
		case end := <-d.done:
			d.cmd = nil
			d.t.Fatalf("%s ended at its start: %v: %s", d.name, end, d.said())
		default:
		}
		if err = ready(); err == nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	d.t.Fatalf("%s does not answer: %v; it said: %s", d.name, err, d.said())
}

func (d *serverProcess) said() string {
	b, _ := os.ReadFile(d.log) // it's for a message only
	return abridged(string(b))
}

// cpu is the processor time of the server and its children, in seconds.
func (d *serverProcess) cpu() float64 {
	d.t.Helper()
	const perSecond = 100 // USER_HZ, the same on every Linux that Go runs on
	ticks := 0
	for pid := range processes(d.t) {
		f := stat(pid)
		// Fields by proc_pid_stat(5), counted from 1: ppid 4, utime 14, stime 15.
		if len(f) < 16 || (pid != d.cmd.Process.Pid && f[4] != strconv.Itoa(d.cmd.Process.Pid)) {
			continue
		}
		for _, text := range f[14:16] {
			n, err := strconv.Atoi(text)
			if err != nil {
				d.t.Fatalf("the processor time of process %d: %v", pid, err)
			}
			ticks += n
		}
	}
	return float64(ticks) / perSecond
}

// stat is a process's /proc/PID/stat with field n at index n; nil when the process has
// ended.
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The second field is the program's name in brackets, and may hold anything.
	i := strings.LastIndexByte(string(b), ')')
	if i < 0 {
		return nil
	}
	return append([]string{"", strconv.Itoa(pid), "name"}, strings.Fields(string(b[i+1:]))...)
}

func processes(t *testing.T) func(func(int) bool) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(int) bool) {
		for _, e := range entries {
			if pid, err := strconv.Atoi(e.Name()); err == nil && !yield(pid) {
				return
			}
		}
	}
}

// program is the rackhand binary to measure.
func program(t *testing.T) string {
	t.Helper()
	bin := os.Getenv(envBin)
	if _, err := os.Stat(bin); err != nil || !filepath.IsAbs(bin) {
		t.Fatalf("%s=%q isn't the absolute path of the program: run `make build` and set it to the path of bin/rackhand", envBin, bin)
	}
	return bin
}

// peer is the program of an unpacked Debian package, and the environment with the path of
// its libraries.
func peer(t *testing.T, pkg, path string) (bin string, env []string) {
	t.Helper()
	root := filepath.Join(os.Getenv(envPeers), pkg)
	bin = filepath.Join(root, path)
	if _, err := os.Stat(bin); err != nil || !filepath.IsAbs(root) {
		t.Fatalf("%s=%q holds no %s: run `.ci/peers DIR %s` and set it to that folder's absolute path", envPeers, os.Getenv(envPeers), bin, pkg)
	}
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	return bin, []string{"LD_LIBRARY_PATH=" + filepath.Join(root, "usr", "lib", triplet)}
}

// tool finds an installed program.
func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: install the package %s", err, pkg)
	}
	return path
}

// diskFolder is a folder for the test on a disk. In memory a sync costs nothing, so a
// measurement with syncs would be meaningless.
func diskFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if fs := fileSystem(t, dir); slices.Contains([]string{"tmpfs", "ramfs"}, fs) {
		t.Fatalf("%s is a %s: set TMPDIR to a folder on a disk", dir, fs)
	}
	return dir
}

// fileSystem is the type of a folder's file system, by the kernel's name.
func fileSystem(t *testing.T, dir string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	point, fs := "", ""
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		inside := len(f) > 2 && (dir == f[1] || f[1] == "/" || strings.HasPrefix(dir, f[1]+"/"))
		if inside && len(f[1]) >= len(point) {
			point, fs = f[1], f[2]
		}
	}
	if fs == "" {
		t.Fatal(errors.New("no file system of " + dir + " in /proc/self/mounts"))
	}
	return fs
}

// save writes a file of the test.
func save(t *testing.T, text string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// progress shows on the terminal how far a long measurement is.
func progress(format string, args ...any) {
	fmt.Fprintf(io.Writer(os.Stderr), "bench: "+format+"\n", args...)
}
