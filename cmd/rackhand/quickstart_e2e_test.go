//go:build e2e

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"rackhand/provision/rack"
)

// guidePatience bounds each step of the guide: a guest on a busy machine is slow.
const guidePatience = 4 * time.Minute

// TestQuickStart runs the commands of the guide's quick start, as they stand there and in their
// order, from a machine without a file of rackhand's up to a box that is installing. The box has
// real firmware. It boots before it is in the inventory, and is started once.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	lines := commandsOf(t, "docs/guide/quick-start.md")
	mac := regexp.MustCompile(`(?m)^rackhand claim ([0-9a-f:]{17}) web1 `).FindStringSubmatch(strings.Join(lines, "\n"))
	if mac == nil {
		t.Fatal("the guide claims no box as web1")
	}
	m := newMachine(t, mac[1])
	box := m.rack.Box("box")
	for _, line := range lines {
		t.Log("$ " + line)
		switch {
		case line == "make build": // made RACKHAND_BIN, which lies at bin/rackhand
		case strings.HasSuffix(line, "rackhand serve"):
			m.start(line)
			m.until("the appliance answers", func() bool { return m.try("rackhand status") == nil })
			if err := box.PowerOn(); err != nil {
				t.Fatal(err)
			}
			m.until("the box waits", func() bool {
				said, _ := os.ReadFile(box.SerialLog())
				return strings.Contains(string(said), "rackhand claim "+mac[1])
			})
		case line == "rackhand claim":
			if out := m.run(line); !strings.Contains(out, mac[1]) {
				t.Fatalf("%s doesn't list %s:\n%s", line, mac[1], out)
			}
		case line == "rackhand watch web1":
			said := m.start(line)
			m.until("web1's installer runs", func() bool {
				text, _ := os.ReadFile(said)
				return strings.Contains(string(text), " installer ")
			})
		default:
			t.Log(m.run(line))
		}
	}
	if out := m.run("rackhand status"); !strings.Contains(out, "web1") || strings.Contains(out, "failed") {
		t.Errorf("the status:\n%s", out)
	}
	if n := len(box.Boots()); n != 1 {
		t.Errorf("the box was started %d times", n)
	}
}

// commandsOf are the lines of a document's commands, without their comments.
func commandsOf(t *testing.T, name string) (lines []string) {
	t.Helper()
	for _, m := range fenced.FindAllStringSubmatch(documents(t)[name], -1) {
		if m[1] != "" {
			continue
		}
		for line := range strings.Lines(m[2]) {
			if line = strings.TrimSpace(comment.ReplaceAllString(line, "")); line != "" {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// A machine is this one without rackhand's files, alone on the link of a virtual rack. Its own
// folders for them lie over the real ones and are gone at the end.
type machine struct {
	t    *testing.T
	rack *rack.Rack
	pid  int    // of the process that holds its namespaces
	dir  string // a clone with bin/rackhand in it, the operator's home, and logs
}

func newMachine(t *testing.T, mac string) *machine {
	t.Helper()
	program, images := os.Getenv("RACKHAND_BIN"), os.Getenv("RACKHAND_IMAGES")
	if program == "" || images == "" {
		t.Fatal("RACKHAND_BIN or RACKHAND_IMAGES is not set: run this test with `make e2e`")
	}
	card, err := net.ParseMAC(mac)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: t.TempDir()}
	m.rack, err = rack.New(t.Context(), rack.Options{
		LogDir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Appliance: netip.MustParsePrefix("10.77.0.1/24"), Accelerator: "tcg",
		Boxes: []rack.BoxOptions{{Name: "box", MAC: card, Firmware: rack.BIOS, Processors: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.rack.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, sub := range []string{"clone/bin", "home/.ssh", "over"} {
		if err := os.MkdirAll(filepath.Join(m.dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(program, filepath.Join(m.dir, "clone/bin/rackhand")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, "home/.ssh/id_ed25519.pub"), []byte("ssh-ed25519 AAAA you@example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.hold(images)
	return m
}

// hold starts the process that holds the machine's namespaces. The images are there already,
// since a build takes a minute and a half.
func (m *machine) hold(images string) {
	m.t.Helper()
	script := `cd "$0"
mount -t tmpfs none over
for f in etc usr/local var/lib; do
	mkdir -p over/$f.up over/$f.work
	mount -t overlay overlay -o lowerdir=/$f,upperdir=$0/over/$f.up,workdir=$0/over/$f.work /$f
done
mount -t tmpfs none /run
rm -rf /etc/rackhand /var/lib/rackhand /usr/local/bin/rackhand
mkdir /var/lib/rackhand
ln -s "$1" /var/lib/rackhand/images
touch holds
exec sleep infinity`
	cmd := m.rack.Command(context.WithoutCancel(m.t.Context()), "unshare", "--mount", "--propagation=private", "sh", "-ec", script, m.dir, images)
	cmd.Stderr = m.log("hold.log")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	m.background(cmd)
	m.pid = cmd.Process.Pid
	m.until("the machine's folders are there", func() bool {
		_, err := os.Stat(filepath.Join(m.dir, "holds"))
		return err == nil
	})
}

// background starts a command that ends with the test at the latest.
func (m *machine) background(cmd *exec.Cmd) {
	m.t.Helper()
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
}

// command is a line of the operator's shell on the machine.
func (m *machine) command(line string) *exec.Cmd {
	cmd := exec.CommandContext(m.t.Context(), "nsenter", "--target", fmt.Sprint(m.pid), "--mount", "--net",
		"sh", "-ec", "cd "+m.dir+"/clone && "+line)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + m.dir + "/home"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func (m *machine) try(line string) error { return m.command(line).Run() }

func (m *machine) run(line string) string {
	m.t.Helper()
	return output(m.t, m.command(line))
}

// start runs a line in the background, and returns the file of what it says.
func (m *machine) start(line string) (said string) {
	m.t.Helper()
	cmd := m.command(strings.Replace(line, "rackhand serve", "exec rackhand serve", 1))
	f := m.log(strings.ReplaceAll(line, " ", "-") + ".log")
	cmd.Stdout, cmd.Stderr = f, f
	m.background(cmd)
	return f.Name()
}

// log makes a file that a failed test shows.
func (m *machine) log(name string) *os.File {
	m.t.Helper()
	f, err := os.Create(filepath.Join(m.dir, name))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		if text, _ := os.ReadFile(f.Name()); m.t.Failed() {
			m.t.Logf("%s:\n%s", name, text)
		}
		f.Close()
	})
	return f
}

func (m *machine) until(what string, is func() bool) {
	m.t.Helper()
	until(m.t, guidePatience, what, is)
}

// until looks again and again whether something is so; it is not a measure of speed.
func until(t *testing.T, patience time.Duration, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s: not so: %s", patience, what)
		}
	}
}
