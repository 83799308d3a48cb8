package image

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// run runs a program that makes a root; ctx's end kills it with all its children.
// Its error has the last lines of the program's output.
func run(ctx context.Context, log *slog.Logger, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(childEnv(), proxies(ctx)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true,
		// /proc, /sys and /dev get mounted in the root. In a mount namespace of its own
		// these go with it, however it ends; left behind, a later removal of the folder
		// would reach into the machine's own.
		Unshareflags: syscall.CLONE_NEWNS,
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	tail := &lastLines{log: log, max: 30}
	cmd.Stdout, cmd.Stderr = tail, tail
	err := cmd.Run()
	tail.flush()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &toolError{err, tail.text()}
	}
	return nil
}

// A toolError is the failure of a program that makes a root.
type toolError struct {
	err    error
	output string // its last lines
}

func (e *toolError) Error() string { return fmt.Sprintf("%v\n%s", e.err, e.output) }
func (e *toolError) Unwrap() error { return e.err }

// childEnv is a clean environment: no locale of this machine, and no settings
// that would lead apt elsewhere. TMPDIR stays, since it says where there is room.
func childEnv() []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
		// A root is whole or thrown away, so that dpkg needn't wait for the disk.
		"DPKG_FORCE=unsafe-io",
		"DEBIAN_FRONTEND=noninteractive", fmt.Sprintf("SOURCE_DATE_EPOCH=%d", releaseEpoch),
	}
	for _, key := range []string{"HOME", "TMPDIR", "http_proxy", "https_proxy", "no_proxy"} {
		if v, ok := os.LookupEnv(key); ok {
			env = append(env, key+"="+v)
		}
	}
	return env
}

// proxies asks this machine's apt for its proxies. mmdebstrap's apt reads only
// the new root's settings, and the environment.
func proxies(ctx context.Context) []string {
	var env []string
	for _, scheme := range []string{"http", "https"} {
		out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%v%n", "Acquire::"+scheme+"::Proxy").Output()
		if v := strings.TrimSpace(string(out)); err == nil && v != "" && v != "DIRECT" && !strings.Contains(v, "\n") {
			env = append(env, scheme+"_proxy="+v)
		}
	}
	return env
}

// lastLines logs a command's output line by line and keeps the last ones.
type lastLines struct {
	log     *slog.Logger
	max     int
	mu      sync.Mutex
	partial string
	lines   []string
}

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := bufio.NewReader(io.MultiReader(strings.NewReader(l.partial), strings.NewReader(string(p))))
	l.partial = ""
	for {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			// A progress bar without an end of line must not grow forever.
			if len(line) > 4096 {
				line = line[len(line)-4096:]
			}
			l.partial = line
			return len(p), nil
		}
		l.add(strings.TrimSpace(line))
	}
}

func (l *lastLines) add(line string) {
	if i := strings.LastIndexByte(line, '\r'); i >= 0 {
		line = line[i+1:]
	}
	if line == "" {
		return
	}
	l.log.Debug("image: " + line)
	if l.lines = append(l.lines, line); len(l.lines) > l.max {
		l.lines = l.lines[1:]
	}
}

func (l *lastLines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(strings.TrimSpace(l.partial))
	l.partial = ""
}

func (l *lastLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}
