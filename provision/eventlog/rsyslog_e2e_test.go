//go:build e2e

package eventlog

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision"
)

// TestRsyslog: Debian's rsyslogd takes what is sent over TCP and at its unix socket apart as it
// was put together. `make e2e` unpacks it; nothing of it is installed.
func TestRsyslog(t *testing.T) {
	peer := filepath.Join(os.Getenv("RACKHAND_PEERS"), "rsyslog")
	program := filepath.Join(peer, "usr/sbin/rsyslogd")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("%v: RACKHAND_PEERS names the folder in which `make e2e` unpacks rsyslog", err)
	}
	dir, err := os.MkdirTemp("", "rsyslog") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conf := fmt.Sprintf(`global(workDirectory="%[1]s" maxMessageSize="8k")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="%[1]s/port")
input(type="imuxsock" Socket="%[1]s/log" UseSpecialParser="off" ParseHostname="on")
template(name="parts" type="string" string="%%syslogfacility-text%%|%%syslogseverity-text%%|%%timereported:::date-rfc3339%%|%%hostname%%|%%app-name%%|%%msgid%%|%%structured-data%%|%%msg%%\n")
action(type="omfile" file="%[1]s/out" template="parts")
`, dir)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	libraries := filepath.Join(peer, "usr/lib", map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]+"-linux-gnu")
	cmd := exec.Command(program, "-n", "-f", filepath.Join(dir, "conf"), "-i", filepath.Join(dir, "pid"), "-M", filepath.Join(libraries, "rsyslog"))
	cmd.Env = []string{"LD_LIBRARY_PATH=" + libraries, "TZ=UTC0"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	read := func(name string) string { text, _ := os.ReadFile(filepath.Join(dir, name)); return string(text) }
	until := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not so: %s\nrsyslogd says: %s\nit wrote: %s", what, read("said"), read("out"))
			}
		}
	}
	until("rsyslogd listens", func() bool {
		_, err := os.Stat(filepath.Join(dir, "log"))
		return err == nil && strings.TrimSpace(read("port")) != ""
	})
	e := hostile()
	e.Kind, e.Message = "disk-guard", "the disk sda carries data"
	e.Fields = map[string]string{"disk": `a "quoted" ] \ one`}
	plain := provision.Event{Seq: 8, Time: e.Time, Source: "dhcp", Kind: "ack", Message: "web1 got 10.77.0.11"}
	for _, s := range []*Syslog{
		{Network: "tcp", Address: net.JoinHostPort("127.0.0.1", strings.TrimSpace(read("port"))), Host: "rack.example"},
		{Network: "unixgram", Address: filepath.Join(dir, "log"), Host: "rack.example"},
	} {
		for _, e := range []provision.Event{e, plain} {
			if err := s.Write(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	until("all four are written", func() bool { return strings.Count(read("out"), "\n") == 4 })
	// At a unix socket rsyslogd sets its own time, whatever the message says.
	const at = "2026-12-01T15:00:00.000000Z"
	var got []string
	exact := 0
	for l := range strings.Lines(read("out")) {
		parts := strings.SplitN(strings.TrimSuffix(l, "\n"), "|", 4)
		if len(parts) < 4 {
			t.Fatalf("rsyslogd wrote %q", l)
		}
		if parts[2] == at {
			exact++
		}
		got = append(got, parts[0]+"|"+parts[1]+"|"+parts[3])
	}
	slices.Sort(got)
	one := `daemon|info|rack.example|rackhand|ack|[rackhand@32473 seq="8" source="dhcp"]|web1 got 10.77.0.11`
	two := `daemon|warning|rack.example|rackhand|disk-guard|[rackhand@32473 seq="7" source="installer" host="web1" install="web1-1" stage="installer" field.disk="a \"quoted\" \] \\ one"]|the disk sda carries data`
	if want := []string{one, one, two, two}; !slices.Equal(got, want) || exact != 2 {
		t.Errorf("rsyslogd wrote\n%s\nwant\n%s\nand the event's time over TCP", read("out"), strings.Join(want, "\n"))
	}
}
