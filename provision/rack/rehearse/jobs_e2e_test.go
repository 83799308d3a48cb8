//go:build e2e

package rehearse_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"rackhand/provision"
	"rackhand/provision/rack/rehearse"
)

// TestBurnin tries a box whose disk carries data, which must outlive it.
func TestBurnin(t *testing.T) {
	r, disk, before := rehearsalWithData(t)
	r.burnin()
	r.rackhand("power", "web1", "off")
	if digest(t, disk) != before {
		t.Fatal("the burn-in has written to the disk")
	}
	r.noSecrets("web1")
}

// TestRescueAndWipe: the data on a box's disk outlives a rescue, and not a wipe.
func TestRescueAndWipe(t *testing.T) {
	r, disk, before := rehearsalWithData(t)
	r.rescue()
	r.rackhand("power", "web1", "off")
	if digest(t, disk) != before {
		t.Fatal("the rescue has written to the disk")
	}
	r.wipe(disk, before)
	// No install took place, and none is armed.
	if h := r.host("web1"); h.Install != nil || h.Job.UnderWay() || h.Job.Armed {
		t.Errorf("at the end: %+v %+v", h.Install, h.Job)
	}
	r.noSecrets("web1")
}

// rehearsalWithData is a rack of one box with a disk of half a gigabyte that carries data.
func rehearsalWithData(t *testing.T) (r *rehearsal, disk, before string) {
	t.Helper()
	disk = filepath.Join(t.TempDir(), "disk.raw")
	if err := exec.Command("truncate", "-s", "512M", disk).Run(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-L", "precious", disk).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v %s; install e2fsprogs", err, out)
	}
	before = digest(t, disk)
	return start(t, rehearse.Options{Boxes: []rehearse.Box{{Name: "web1", Firmware: "bios", DiskImage: disk}}}), disk, before
}

func (r *rehearsal) burnin() {
	r.t.Helper()
	if out := r.rackhand("burnin", "web1", "--minutes", "1"); !strings.Contains(out, "web1-burnin-1") {
		r.t.Errorf("burnin says %q", out)
	}
	if out := r.rackhand("status"); !strings.Contains(out, "burn-in: ") {
		r.t.Errorf("status during a burn-in:\n%s", out)
	}
	_, public := r.newKey()
	if err := r.fails("rescue", "web1", "--key", public); !strings.Contains(err, "under way") {
		r.t.Errorf("a rescue during a burn-in: %s", err)
	}
	r.reach("web1", provision.Done)
	reply, err := r.Client.LastJob(r.ctx, "web1")
	if err != nil {
		r.t.Fatal(err)
	}
	var report struct {
		Memory struct {
			Tested int64 `json:"tested_bytes"`
			Errors int   `json:"errors"`
		} `json:"memory"`
		CPU struct {
			Rounds int64 `json:"rounds"`
		} `json:"cpu"`
		Disks []struct {
			Read  int64 `json:"read_bytes"`
			SMART struct {
				Note string `json:"note"`
			} `json:"smart"`
		} `json:"disks"`
		Findings []string `json:"findings"`
	}
	if err := json.Unmarshal(reply.Report, &report); err != nil {
		r.t.Fatalf("%v: %s", err, reply.Report)
	}
	if report.Memory.Tested < 256<<20 || report.CPU.Rounds == 0 || len(report.Disks) != 1 || report.Disks[0].Read != 512<<20 || len(report.Findings) > 0 {
		r.t.Errorf("the burn-in's report: %s", reply.Report)
	}
	if !strings.Contains(report.Disks[0].SMART.Note, "virtual") {
		r.t.Errorf("of SMART it says %q", report.Disks[0].SMART.Note)
	}
	if out := r.rackhand("job", "web1"); !strings.Contains(out, "tested_bytes") {
		r.t.Errorf("job says %s", out)
	}
}

// newKey makes an ssh key, and the file of its public half.
func (r *rehearsal) newKey() (key ssh.Signer, public string) {
	r.t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	if key, err = ssh.NewSignerFromKey(private); err != nil {
		r.t.Fatal(err)
	}
	public = filepath.Join(r.t.TempDir(), "id.pub")
	if err := os.WriteFile(public, ssh.MarshalAuthorizedKey(key.PublicKey()), 0o644); err != nil {
		r.t.Fatal(err)
	}
	return key, public
}

func (r *rehearsal) rescue() {
	r.t.Helper()
	client := r.rescueLogin()
	defer client.Close()
	r.rescueCommands(client)
	r.rescueTerminal(client)
	r.reach("web1", provision.Done)
}

// rescueLogin starts a rescue and logs in by ssh. It trusts only the host key that the
// command wrote.
func (r *rehearsal) rescueLogin() *ssh.Client {
	r.t.Helper()
	key, public := r.newKey()
	hosts := filepath.Join(filepath.Dir(public), "known_hosts")
	out := r.rackhand("rescue", "web1", "--key", public, "--known-hosts", hosts)
	if !strings.Contains(out, "-p 22 root@"+rehearse.Address(0)) || !strings.Contains(out, "SHA256:") {
		r.t.Errorf("rescue says %s", out)
	}
	known, err := os.ReadFile(hosts)
	if err != nil {
		r.t.Fatal(err)
	}
	_, _, hostKey, _, _, err := ssh.ParseKnownHosts(known)
	if err != nil {
		r.t.Fatalf("%v: %s", err, known)
	}
	conn, err := r.Dial(r.ctx, "tcp", rehearse.Address(0)+":22")
	if err != nil {
		r.t.Fatal(err)
	}
	c, chans, reqs, err := ssh.NewClientConn(conn, rehearse.Address(0), &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.FixedHostKey(hostKey), Timeout: time.Minute,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return ssh.NewClient(c, chans, reqs)
}

// rescueCommands runs single commands in a rescue: the disk is readable, and writable only
// after the command writable.
func (r *rehearsal) rescueCommands(client *ssh.Client) {
	r.t.Helper()
	run := func(command string) (string, error) {
		s, err := client.NewSession()
		if err != nil {
			r.t.Fatal(err)
		}
		defer s.Close()
		out, err := s.CombinedOutput(command)
		r.t.Logf("rescue# %s\n%s%v", command, out, err)
		return string(out), err
	}
	if out, _ := run("blkid /dev/vda"); !strings.Contains(out, "precious") {
		r.t.Errorf("blkid says %q", out)
	}
	if out, err := run("mount -o ro,noload /dev/vda /mnt && ls /mnt && umount /mnt"); err != nil || !strings.Contains(out, "lost+found") {
		r.t.Errorf("mounting the disk: %q %v", out, err)
	}
	if _, err := run("dd if=/dev/zero of=/dev/vda bs=4096 count=1 conv=fsync"); err == nil {
		r.t.Error("the disk can be written to")
	}
	if out, err := run("blockdev --getro /dev/vda; writable vda; blockdev --getro /dev/vda"); err != nil || strings.TrimSpace(out) != "1\n0" {
		r.t.Errorf("writable: %q %v", out, err)
	}
}

// rescueTerminal opens a terminal in a rescue, reads its greeting and reboots the box.
func (r *rehearsal) rescueTerminal(client *ssh.Client) {
	r.t.Helper()
	s, err := client.NewSession()
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.Close()
	if err := s.RequestPty("vt100", 40, 120, ssh.TerminalModes{}); err != nil {
		r.t.Fatal(err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	terminal, err := s.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.WriteString(in, "echo I AM $(hostname || echo unknown) on $TERM\nreboot\n"); err != nil {
		r.t.Fatal(err)
	}
	said, _ := io.ReadAll(terminal) // until the box has gone
	r.t.Logf("terminal:\n%s", said)
	for _, want := range []string{"rescue shell of web1", "vda", "I AM ", "on vt100"} {
		if !strings.Contains(string(said), want) {
			r.t.Fatalf("the terminal lacks %q", want)
		}
	}
}

func (r *rehearsal) wipe(disk, before string) {
	r.t.Helper()
	if err := r.fails("wipe", "web1"); !strings.Contains(err, "--yes") || !strings.Contains(err, rehearse.MAC(0)) {
		r.t.Errorf("a wipe without --yes: %s", err)
	}
	if h := r.host("web1"); h.Job.Job == provision.JobWipe {
		r.t.Fatal("a wipe without --yes is armed")
	}
	// One that names a disk which isn't there erases nothing.
	r.rackhand("wipe", "web1", "--yes", "--disk", "S3RIAL")
	if e := r.reach("web1", provision.Failed); !strings.Contains(e.Message, "nothing was erased") || !strings.Contains(e.Message, "vda") {
		r.t.Errorf("a wipe of no disk: %s", e.Message)
	}
	r.powered("off")
	if digest(r.t, disk) != before {
		r.t.Fatal("it was erased all the same")
	}
	if out := r.rackhand("wipe", "web1", "--yes"); !strings.Contains(out, "web1-wipe-") {
		r.t.Errorf("wipe says %q", out)
	}
	e := r.until("the list of disks", func(e provision.Event) bool { return e.Kind == "wipe-disks" || e.Stage.Ended() })
	if !strings.Contains(e.Message, "vda") {
		r.t.Fatalf("before it begins it says %s", e.Message)
	}
	e = r.reach("web1", provision.Done)
	if !regexp.MustCompile(`vda .*serial \S+\) erased by .* samples read back blank`).MatchString(e.Message) {
		r.t.Errorf("at its end it says %s", e.Message)
	}
	r.powered("off")
	f, err := os.Open(disk)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	for buf, off := make([]byte, 1<<20), int64(0); ; off += 1 << 20 {
		n, err := f.ReadAt(buf, off)
		for i, b := range buf[:n] {
			if b != 0 {
				r.t.Fatalf("after the wipe byte %d is %#x", off+int64(i), b)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if out := r.rackhand("status"); !strings.Contains(out, "wiped") {
		r.t.Errorf("after a wipe status says\n%s", out)
	}
}

// powered waits until the box's BMC says that it is on or off.
func (r *rehearsal) powered(want string) {
	r.t.Helper()
	r.eventually("power "+want, func() error {
		if out := r.rackhand("power", "web1", "status"); !strings.Contains(out, "says: "+want) {
			return errors.New(out)
		}
		return nil
	})
}

// fails runs a command that must fail, and returns what it says.
func (r *rehearsal) fails(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.ctx, r.program(), args...)
	cmd.Env = append(os.Environ(), "RACKHAND_SOCKET="+r.Socket())
	out, err := cmd.CombinedOutput()
	if err == nil {
		r.t.Fatalf("rackhand %s does it: %s", strings.Join(args, " "), out)
	}
	return string(out)
}
