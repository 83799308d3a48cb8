//go:build e2e

package appliance_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/janitor/space"
)

// A startCase is a machine on which an appliance can't start.
type startCase struct {
	name string
	// before prepares the namespace ns, in which eth1 is up with 10.77.0.1/24, and the
	// folder dir, in which rackhand.yaml lies.
	before func(t *testing.T, ns, dir string)
	// settings go over the usual ones.
	settings map[string]string
	want     string // a regular expression of the whole of what it says, one line each
	code     int    // its exit status; 0 stands for 1
}

// envHold is the UDP port that the test binary holds, run again, until it is killed.
const envHold = "RACKHAND_START_E2E_HOLD"

func holdUDP(port string) {
	c, err := net.ListenPacket("udp4", "0.0.0.0:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _, err = c.ReadFrom(make([]byte, 1)) // nobody writes to it
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// hold runs a program that holds a port until the test's end.
func hold(t *testing.T, ns string, args ...string) {
	t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

func listening(t *testing.T, ns, what string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(sh(t, "ip", "netns", "exec", ns, "ss", "-Htuln"), what); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("nothing listens on %s", what)
		}
	}
}

func udpd(port string) func(*testing.T, string, string) {
	return func(t *testing.T, ns, _ string) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		hold(t, ns, "env", envHold+"="+port, self)
		listening(t, ns, ":"+port+" ")
	}
}

func httpd(at string) func(*testing.T, string, string) {
	return func(t *testing.T, ns, dir string) {
		hold(t, ns, "busybox", "httpd", "-f", "-p", at, "-h", dir)
		listening(t, ns, at[strings.Index(at, ":"):]+" ")
	}
}

func file(name, text string) func(*testing.T, string, string) {
	return func(t *testing.T, _, dir string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStartExplains: what keeps an appliance from starting is one line that says what,
// who and what to do; never a panic, and nothing is left behind.
func TestStartExplains(t *testing.T) {
	t.Parallel()
	by := `\S+ \(process \d+\)`
	cases := []startCase{
		{"port 80", httpd("10.77.0.1:80"), nil, `HTTP: port 80/tcp on eth1 \(10\.77\.0\.1\) is taken by ` + by + `: stop it, or have it leave this link alone, or set .http:. in rackhand.yaml to another port`, 0},
		{"port 80 everywhere", httpd("0.0.0.0:80"), nil, `HTTP: port 80/tcp .* is taken by ` + by + `: .*`, 0},
		{"port 8443", httpd("10.77.0.1:8443"), nil, `agents: port 8443/tcp .* is taken by ` + by + `: .* set .agents:. .*`, 0},
		{"port 69", udpd("69"), nil, `TFTP: port 69/udp .* is taken by ` + by + `: .*`, 0},
		{"port 67", udpd("67"), nil, `DHCP: port 67/udp .* is taken by ` + by + `: .*`, 0},
		{"port 4011", udpd("4011"), nil, `proxyDHCP: port 4011/udp .* is taken by ` + by + `: .*`, 0},
		{"port 514", httpd("10.77.0.1:514"), nil, `syslog: port 514/tcp .* is taken by ` + by + `: .*`, 0},
		{"two ports", func(t *testing.T, ns, dir string) {
			httpd("10.77.0.1:80")(t, ns, dir)
			udpd("69")(t, ns, dir)
		}, nil, "TFTP: port 69/udp .*\nHTTP: port 80/tcp .*", 0},
		{"the page's port", httpd("127.0.0.1:8080"), map[string]string{"page": `{listen: "127.0.0.1:8080"}`}, `status page: 127\.0\.0\.1:8080 is taken by ` + by + `: stop it; .page: \{listen: \.\.\.\}. in rackhand.yaml says another`, 0},
		{"the page's address", nil, map[string]string{"page": `{listen: "192.0.2.7:8080"}`}, `status page: this machine has no address 192\.0\.2\.7:8080: give it to a link; .*`, 0},
		{"the socket's name is a file's", file("kept", "a word"), map[string]string{"socket": "kept"}, `operator's socket: cannot listen on .*/kept: a file with that name is not a socket: remove it; .socket:. .*`, 0},
		{"the socket is answered", func(t *testing.T, _, dir string) {
			l, err := net.Listen("unix", filepath.Join(dir, "state.sock"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
		}, nil, `operator's socket: .*: another rackhand answers there already: stop it first; .*`, 0},
		{"no such group", nil, map[string]string{"socket_group": "nosuchgroup"}, "socket_group: /etc/group has no group \"nosuchgroup\": create it with `groupadd --system nosuchgroup`, or name another one in rackhand.yaml", 0},
		{"the socket's folder is a file", file("run", ""), map[string]string{"socket": "run/rackhand.sock"}, `the operator's socket: .*/run: not a directory`, 0},
		{"another address", nil, map[string]string{"address": "10.77.0.9"}, `.address: 10\.77\.0\.9. in rackhand.yaml is on none of the links: eth1 has 10\.77\.0\.1; give a link that address, or set .address:. to one that it has`, 0},
		{"no such interface", nil, map[string]string{"interfaces": "[eth7]"}, `there is no interface eth7; .interfaces:. in rackhand.yaml names those on which boxes boot, and this machine has (switch, eth1|eth1, switch)`, 0},
		{"no inventory", nil, map[string]string{"inventory": "elsewhere"}, `the inventory's folder: stat .*/elsewhere: no such file or directory; .inventory:. in rackhand.yaml names it, .rackhand init. makes one`, 0},
		{"the state folder is a file", file("state", ""), nil, `the state folder: mkdir .*/state: not a directory; .state:. in rackhand.yaml names it`, 0},
		{"the database is none", file("state/rackhand.db", strings.Repeat("no database", 1000)), nil, `opening the database: open store .*: it is not a database that rackhand wrote, or it is damaged .*`, 3},
		{"the database is cut off", file("state/rackhand.db", "short"), nil, `opening the database: open store .*/state/rackhand.db: .*: move it away, and restore it from a backup if there is one; .rackhand restore FILE --state-only --force. puts a backup in its place`, 3},
		{"no database beside a CA", file("state/ca/ca.pem", "a CA"), nil, `.*/state/rackhand\.db is missing or empty beside the CA in .*/state/ca: without it rackhand does not know which hosts serve, .*: restore it from a backup, .*, or run .rackhand serve --new-database. once, .*`, 3},
		{"an empty database beside a CA", func(t *testing.T, ns, dir string) {
			file("state/ca/ca.pem", "a CA")(t, ns, dir)
			file("state/rackhand.db", "")(t, ns, dir)
		}, nil, `.*/state/rackhand\.db is missing or empty beside the CA .*`, 3},
		{"neither, and traces of both", file("state/inventory.good.json", "{}"), nil, `.*/state/rackhand\.db is missing or empty in a state folder in which an appliance has run, and the CA is gone too: .*`, 3},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ns, dir := startNamespace(t, tc.settings)
			sh(t, "ip", "-n", ns, "addr", "add", "10.77.0.1/24", "dev", "eth1")
			sh(t, "ip", "-n", ns, "link", "set", "eth1", "up")
			if tc.before != nil {
				tc.before(t, ns, dir)
			}
			var said bytes.Buffer
			cmd := startCommand(t, ns, dir, &said)
			err := cmd.Run()
			// The log goes to the same place; what ends the start is what comes last.
			var lines []string
			for _, l := range strings.Split(strings.TrimSpace(said.String()), "\n") {
				if !strings.HasPrefix(l, "time=") {
					lines = append(lines, l)
				}
			}
			got := strings.Join(lines, "\n")
			if cmd.ProcessState.ExitCode() != max(tc.code, 1) || !regexp.MustCompile(`^rackhand: `+tc.want+`$`).MatchString(got) {
				t.Errorf("%v: it says\n%s\nwanted is\n%s", err, got, tc.want)
			}
			if strings.Contains(said.String(), "rackhand serves") {
				t.Errorf("it says that it serves:\n%s", said.String())
			}
		})
	}
}

// startNamespace makes a namespace with the link eth1, which is down and has no address,
// and a folder with settings and an inventory.
func startNamespace(t *testing.T, over map[string]string) (ns, dir string) {
	t.Helper()
	ns, dir = space.New(t, "start"), t.TempDir()
	sh(t, "ip", "-n", ns, "link", "set", "lo", "up")
	sh(t, "ip", "-n", ns, "link", "add", "eth1", "type", "veth", "peer", "name", "switch")
	settings := map[string]string{
		"state": "state", "inventory": "inventory", "secrets": "secrets", "socket": "state.sock", "interfaces": "[eth1]", "page": `{listen: ""}`,
	}
	for k, v := range over {
		settings[k] = v
	}
	var text strings.Builder
	for k, v := range settings {
		fmt.Fprintf(&text, "%s: %s\n", k, v)
	}
	file("rackhand.yaml", text.String())(t, ns, dir)
	file("inventory/rack.yaml", "networks:\n  rack1: {subnet: 10.77.0.0/24, leases: 10.77.0.200-10.77.0.240}\n")(t, ns, dir)
	return ns, dir
}

func startCommand(t *testing.T, ns, dir string, out *bytes.Buffer) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", ns, program(t), "serve", "--config", filepath.Join(dir, "rackhand.yaml"))
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// A lines is a writer that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestStartWaits: a link that is down or has no address yet is waited for, and said.
func TestStartWaits(t *testing.T) {
	t.Parallel()
	ns, dir := startNamespace(t, map[string]string{"address": "10.77.0.1"})
	var out lines
	cmd := exec.CommandContext(t.Context(), "ip", "netns", "exec", ns, program(t), "serve", "--config", filepath.Join(dir, "rackhand.yaml"))
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	said := func(what string) {
		t.Helper()
		for end := time.Now().Add(patience); !strings.Contains(out.String(), what); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("it doesn't say %q, but\n%s", what, out.String())
			}
		}
	}
	said("eth1 is down")
	sh(t, "ip", "-n", ns, "link", "set", "eth1", "up")
	said("eth1 has no IPv4 address yet: give it 10.77.0.1")
	sh(t, "ip", "-n", ns, "addr", "add", "10.77.0.1/24", "dev", "eth1")
	said("eth1 has no carrier")
	said("rackhand serves")
	// The other end is down, so there is no carrier: it serves, and says so.
	status := sh(t, "env", "RACKHAND_SOCKET="+filepath.Join(dir, "state.sock"), program(t), "status")
	if !strings.Contains(status, "carrier") {
		t.Errorf("the status doesn't say that there is no carrier:\n%s", status)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v:\n%s", err, out.String())
	}
}
