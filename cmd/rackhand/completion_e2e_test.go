//go:build e2e

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"rackhand/provision"
)

// builtProgram is an environment in which the built rackhand comes first, with an appliance.
func builtProgram(t *testing.T) (env []string) {
	t.Helper()
	bin, err := filepath.Abs(os.Getenv("RACKHAND_BIN"))
	if err != nil || os.Getenv("RACKHAND_BIN") == "" {
		t.Fatal("RACKHAND_BIN names no program: build it (make build) and set it to bin/rackhand")
	}
	socket := statusSocket(t, provision.Status{Hosts: []provision.HostStatus{
		{Host: "web1", Group: "web"}, {Host: "db-primary", Group: "db"}, {Host: "52:54:00:00:00:09", Unclaimed: true},
	}})
	return append(os.Environ(), "PATH="+filepath.Dir(bin)+":"+os.Getenv("PATH"), "RACKHAND_SOCKET="+socket, "HOME="+t.TempDir(), "TERM=dumb", "PS1=ready> ", "LC_ALL=C.UTF-8")
}

// TestCompletionInShells types into real shells and presses the tab key.
func TestCompletionInShells(t *testing.T) {
	env, dir := builtProgram(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "only-one.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for shell, start := range map[string][]string{
		"bash": {"bash", "--norc", "--noprofile", "-i"},
		"zsh":  {"zsh", "-f", "-i"},
	} {
		t.Run(shell, func(t *testing.T) {
			cmd := exec.Command(start[0], start[1:]...)
			cmd.Env, cmd.Dir = env, dir
			tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Kill()
				tty.Close()
				_ = cmd.Wait()
			}()
			s := &screen{t: t, tty: tty, shown: make(chan string, 1000)}
			go s.read()
			if shell == "zsh" {
				s.typed("PROMPT='ready> '; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D\n", "")
			}
			s.typed("source <(rackhand completion "+shell+"); echo lo''aded\n", "loaded")
			for _, c := range []struct{ typed, want string }{
				{"rackhand stat\t", "rackhand status "},
				{"rackhand status d\t", "rackhand status db-primary "},
				{"rackhand status 52:54\t", "rackhand status 52:54:00:00:00:09"},
				{"rackhand wait --for serv\t", "rackhand wait --for serving "},
				{"rackhand wait --for=serv\t", "rackhand wait --for=serving"},
				{"rackhand claim 52:54:00:00:00:09 x --group d\t", "--group db "},
				{"rackhand image bu\t", "rackhand image build "},
				{"rackhand converge --ignore\t", "--ignore-window "},
				{"rackhand check only\t", "rackhand check only-one.yaml"},
			} {
				s.typed(c.typed, c.want)
				s.typed("\x15", "") // the line is cleared
			}
		})
	}
}

// TestCompletionInFish asks fish itself, which completes a line without a terminal.
func TestCompletionInFish(t *testing.T) {
	for typed, want := range map[string]string{
		"rackhand stat":            "status\tShow every host with its stage, or one host in detail.",
		"rackhand status d":        "db-primary",
		"rackhand status 52:":      "52:54:00:00:00:09",
		"rackhand wait --for=serv": "--for=serving",
		"rackhand wait --for serv": "serving",
		"rackhand check /etc/pass": "/etc/passwd",
	} {
		cmd := exec.Command("fish", "--no-config", "-c", `rackhand completion fish | source; complete -C "$argv[1]"`, typed)
		cmd.Env = builtProgram(t)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil || !strings.Contains("\n"+string(out), "\n"+want) || errs.Len() > 0 {
			t.Errorf("%q: %v %q, want %q; %s", typed, err, out, want, &errs)
		}
	}
}

// A screen is what a shell has written to its terminal.
type screen struct {
	t     *testing.T
	tty   *os.File
	shown chan string
}

// read passes on what appears, until the shell ends.
func (s *screen) read() {
	defer close(s.shown)
	buf := make([]byte, 4096)
	for {
		n, err := s.tty.Read(buf)
		if err != nil {
			return
		}
		s.shown <- string(buf[:n])
	}
}

// typed types keys, and reads until the screen shows a text behind them.
func (s *screen) typed(keys, want string) {
	s.t.Helper()
	all, patience := "", time.After(20*time.Second)
	if _, err := io.WriteString(s.tty, keys); err != nil {
		s.t.Fatal(err)
	}
	for want != "" && !strings.Contains(all, want) {
		select {
		case text, ok := <-s.shown:
			if all += strings.ReplaceAll(text, "\a", ""); ok { // without the bell
				continue
			}
		case <-patience:
		}
		s.t.Fatalf("%q: no %q on the screen: %q", keys, want, all)
	}
}

// TestManPages: groff reads all pages without a warning, and man shows one.
func TestManPages(t *testing.T) {
	names, err := program(t).WriteMan(filepath.Join(t.TempDir(), "man1"))
	if err != nil {
		t.Fatal(err)
	}
	said := func(command string, args ...string) string {
		cmd := exec.Command(command, args...)
		cmd.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8", "MANPAGER=cat")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil || errs.Len() > 0 {
			t.Errorf("%s: %v\n%s", command, err, &errs)
		}
		return strings.Join(strings.Fields(out.String()), " ")
	}
	all := said("groff", append([]string{"-man", "-Kutf8", "-Tutf8", "-ww"}, names...)...)
	for _, name := range names {
		if page := strings.TrimSuffix(filepath.Base(name), ".1"); !strings.Contains(all, " "+page+" - ") {
			t.Errorf("no page of %s", page)
		}
	}
	if page := said("man", "--warnings=w", "-l", names[0]); !strings.Contains(page, "NAME rackhand - A provisioning appliance") {
		t.Error(page)
	}
}

// TestPermission: a user who may not open the socket learns which group may.
func TestPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("this test runs a program as another user: run it as root (make e2e)")
	}
	env := builtProgram(t)
	dir, err := os.MkdirTemp("", "rackhand") // t.TempDir's is closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := statusSocket(t, provision.Status{})
	for _, err := range []error{
		os.Chmod(dir, 0o755), os.Link(socket, filepath.Join(dir, "s")), os.Chmod(socket, 0o660), os.Chown(socket, 0, 4),
		exec.Command("cp", os.Getenv("RACKHAND_BIN"), filepath.Join(dir, "rackhand")).Run(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(dir, "rackhand"), "status", "--socket", filepath.Join(dir, "s"))
	cmd.Env, cmd.SysProcAttr = env, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: false}}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "/s: you must be root or in the group adm\n") || !strings.Contains(string(out), "rackhand: permission denied: ") {
		t.Errorf("%v %s", err, out)
	}
}
