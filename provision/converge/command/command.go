// Package command runs programs for the agent, and makes what they wrote fit for a message.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// An Output is the exit status and the output of a program.
type Output struct {
	Code           int // exit status; -1 when a signal ended it
	Stdout, Stderr string
}

// A Runner runs programs. It returns an error if a program can't be started or had to be
// ended. An exit status other than 0 is not an error.
type Runner interface {
	Run(ctx context.Context, env []string, args ...string) (Output, error)
}

const (
	maxStdout = 4 << 20
	maxStderr = 64 << 10
)

// Exec runs programs of the machine, found in PATH.
type Exec struct {
	// Grace is how long a program has to end after SIGTERM; 10 s when 0. A
	// package manager that is killed at once leaves its database half written.
	Grace time.Duration
}

// Run runs a program with nothing on stdin and without a terminal, in a session
// and a process group of its own. The group is ended as a whole when ctx is. Output
// is kept up to a bound: the head of stdout, the tail of stderr.
func (e Exec) Run(ctx context.Context, env []string, args ...string) (Output, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	stdout, stderr := &head{limit: maxStdout}, &tail{limit: maxStderr}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// The language of the output must not depend on the host's settings.
	cmd.Env = append(os.Environ(), append([]string{"LC_ALL=C.UTF-8"}, env...)...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	// Also bounds the wait for a grandchild that keeps a pipe open.
	cmd.WaitDelay = e.Grace
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = 10 * time.Second
	}
	err := cmd.Run()
	out := Output{Stdout: stdout.String(), Stderr: stderr.String()}
	if cmd.ProcessState != nil {
		out.Code = cmd.ProcessState.ExitCode()
	}
	if ctx.Err() != nil {
		if cmd.Process != nil {
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		return out, fmt.Errorf("%s was ended: %w", args[0], context.Cause(ctx))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("cannot run %s: %w", args[0], err)
	}
	return out, nil
}

// Explain summarises the output of a failed program: one line, bounded.
func (o Output) Explain() string {
	text := strings.TrimSpace(o.Stderr)
	if text == "" {
		text = strings.TrimSpace(o.Stdout)
	}
	lines := strings.Split(text, "\n")
	text = strings.TrimSpace(strings.Join(lines[max(0, len(lines)-4):], "; "))
	if text == "" {
		return fmt.Sprintf("exit status %d", o.Code)
	}
	return fmt.Sprintf("exit status %d: %s", o.Code, Short(text))
}

// maxMessage bounds a message, in characters.
const maxMessage = 400

// Short makes text fit for a message: printable, one line, bounded.
func Short(text string) string {
	text = Printable(text)
	if r := []rune(text); len(r) > maxMessage {
		return string(r[:maxMessage]) + "…"
	}
	return text
}

// Printable replaces control characters, which could steer a terminal, with spaces.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// head keeps the first bytes that are written to it.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	if room := h.limit - h.Len(); room > 0 {
		h.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// tail keeps the last bytes that are written to it.
type tail struct {
	kept  []byte
	limit int
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }

// Bare are the first words of a command line without the environment of the agent, which may
// be that of root's shell: for programs of ordinary users. env are settings beside PATH and
// the language.
func Bare(env ...string) []string {
	words := []string{"env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	return append(words, env...)
}
