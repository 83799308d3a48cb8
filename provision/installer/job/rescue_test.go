package job

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
)

func newKey(t *testing.T) (gossh.Signer, string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s, string(gossh.MarshalAuthorizedKey(s.PublicKey())) + " op@desk"
}

// rescued starts a rescue's server on loopback.
func rescued(t *testing.T, keys ...string) (addr string, host gossh.PublicKey, r *sshServer) {
	t.Helper()
	signer, err := newHostKey()
	if err != nil {
		t.Fatal(err)
	}
	r, err = newSSHServer(keys, signer, time.Now, shellSession("THE DISKS ARE THESE\n"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = r.server.Serve(l) }()
	t.Cleanup(func() { r.server.Close() })
	return l.Addr().String(), signer.PublicKey(), r
}

func login(addr, user string, host gossh.PublicKey, auth ...gossh.AuthMethod) (*gossh.Client, error) {
	return gossh.Dial("tcp", addr, &gossh.ClientConfig{User: user, Auth: auth, HostKeyCallback: gossh.FixedHostKey(host), Timeout: 20 * time.Second})
}

func TestRescueShell(t *testing.T) {
	key, public := newKey(t)
	_, other := newKey(t)
	addr, host, r := rescued(t, other, public)
	c, err := login(addr, "root", host, gossh.PublicKeys(key))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	run := func(command, in string) (string, error) {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		s.Stdin = strings.NewReader(in)
		out, err := s.Output(command)
		return string(out), err
	}
	if out, err := run("cat; echo $HOME", "over there\n"); err != nil || out != "over there\n/root\n" {
		t.Errorf("a command: %q %v", out, err)
	}
	_, err = run("exit 7", "")
	if e, ok := err.(*gossh.ExitError); !ok || e.ExitStatus() != 7 {
		t.Errorf("its exit status: %v", err)
	}
	// A disk's bytes go through as they are.
	noise := make([]byte, 3<<20)
	_, _ = rand.Read(noise)
	if out, err := run("cat", string(noise)); err != nil || out != string(noise) {
		t.Errorf("3 MiB came back as %d bytes, %v", len(out), err)
	}
	// Nothing is forwarded, and there is no other subsystem.
	if conn, err := c.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("a connection was forwarded")
	}
	if _, err := c.Listen("tcp", "127.0.0.1:0"); err == nil {
		t.Error("a port was forwarded")
	}
	if idle := r.idle(time.Now()); idle > time.Minute {
		t.Errorf("just used, idle for %v", idle)
	}
	idle := time.Duration(0)
	for range 200 { // the server hears of a session's end a moment later
		if idle = r.idle(time.Now().Add(5 * time.Hour)); idle >= rescueIdle {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if idle < rescueIdle {
		t.Errorf("five hours later, idle for %v", idle)
	}
}

func TestRescueTerminal(t *testing.T) {
	key, public := newKey(t)
	addr, host, r := rescued(t, public)
	c, err := login(addr, "root", host, gossh.PublicKeys(key))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.RequestPty("vt100", 31, 97, gossh.TerminalModes{}); err != nil {
		t.Fatal(err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	s.Stdout = &out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	// A background process must not hold the session open.
	if _, err := io.WriteString(in, "stty size; echo TERM is $TERM; test -t 0 && echo A TERMINAL; sleep 30 & exit 3\n"); err != nil {
		t.Fatal(err)
	}
	err = s.Wait()
	if e, ok := err.(*gossh.ExitError); !ok || e.ExitStatus() != 3 {
		t.Errorf("it ended with %v", err)
	}
	for _, want := range []string{"THE DISKS ARE THESE", "31 97", "TERM is vt100", "A TERMINAL"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the terminal lacks %q:\n%s", want, out.String())
		}
	}
	for range 200 { // the server hears of the end a moment later
		if r.sessions.Load() == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the session is still counted")
}

func TestRescueRefuses(t *testing.T) {
	key, public := newKey(t)
	stranger, _ := newKey(t)
	addr, host, _ := rescued(t, public)
	for name, c := range map[string]struct {
		user string
		auth gossh.AuthMethod
	}{
		"another's key": {"root", gossh.PublicKeys(stranger)},
		"another user":  {"op", gossh.PublicKeys(key)},
		"a password":    {"root", gossh.Password("")},
		"questions": {"root", gossh.KeyboardInteractive(func(_, _ string, q []string, _ []bool) ([]string, error) {
			return make([]string, len(q)), nil
		})},
	} {
		if conn, err := login(addr, c.user, host, c.auth); err == nil {
			conn.Close()
			t.Errorf("%s gets in", name)
		}
	}
	signer, err := newHostKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]string{nil, {"nonsense"}} {
		if _, err := newSSHServer(keys, signer, time.Now, shellSession("")); err == nil {
			t.Errorf("with the keys %q a server stands", keys)
		}
	}
}

// A connection that never logs in is closed.
func TestRescueAuthDeadline(t *testing.T) {
	_, public := newKey(t)
	signer, err := newHostKey()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newSSHServer([]string{public}, signer, time.Now, shellSession(""))
	if err != nil {
		t.Fatal(err)
	}
	r.server.ConnCallback = newAuthDeadline(50 * time.Millisecond)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = r.server.Serve(l) }()
	defer r.server.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("it was not closed: %v", err)
	}
}

func TestRescueCommands(t *testing.T) {
	dir := t.TempDir()
	if err := rescueCommands(dir, 4711); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"reboot": "kill -USR1 4711", "poweroff": "kill -USR2 4711", "writable": "blockdev --setrw"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %s %v", name, b, err)
		}
	}
}
