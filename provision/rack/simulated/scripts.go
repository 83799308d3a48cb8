package simulated

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rackhand/templates/kickstart"
)

// scripts runs a Kickstart's scripts, really, in a scratch root: the machine's own
// programs, without its devices. The root has one disk, sda, that is a file: blank at
// first, and from boot to boot as the install has left it.
// systemctl in the installed system is a stand-in that records its arguments, and
// sleep doesn't. Its /proc is a folder with two files: the kernel's command line, and
// sysrq-trigger, by which a script restarts the box.
type scripts struct {
	*box
	log     *syslog
	file    *kickstart.File
	root    string
	cmdline string
	// bootable: the packages and the boot loader are on the disk.
	bootable bool
}

// A scriptError is a script with --erroronfail that has failed.
type scriptError struct {
	kind string
	line int
	err  error
}

func (e *scriptError) Error() string {
	return fmt.Sprintf("the %s at line %d: %v", e.kind, e.line, e.err)
}
func (e *scriptError) Unwrap() error { return e.err }

// scriptTime bounds a script.
const scriptTime = 2 * time.Minute

// programs are the folders that a root borrows from the machine.
var programs = []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/libexec", "usr/share"}

// diskBytes is the size of the blank disk.
const diskBytes = 64 << 20

func (s *scripts) prepare() (err error) {
	if s.root, err = os.MkdirTemp(s.Scratch, "simulated-root-"); err != nil {
		return err
	}
	system := filepath.Join(s.root, "mnt/sysimage")
	for _, root := range []string{s.root, system} {
		for _, dir := range append([]string{"tmp", "proc", "dev", "etc/yum.repos.d", "etc/systemd/system", "usr/local/bin", "usr/local/sbin", "var", "root", "sys/block/sda"}, programs...) {
			if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
				return err
			}
		}
		for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
			if err := os.Symlink("usr/"+link, filepath.Join(root, link)); err != nil {
				return err
			}
		}
	}
	for _, root := range []string{s.root, system} {
		if err := errors.Join(
			os.WriteFile(filepath.Join(root, "proc/cmdline"), []byte(s.cmdline+"\n"), 0o644),
			os.WriteFile(filepath.Join(root, "usr/local/bin/sleep"), []byte("#!/bin/sh\n# Stands in for sleep, simulated.\nexec /usr/bin/sleep 0.05\n"), 0o755),
		); err != nil {
			return err
		}
	}
	// The same disk as at the boot before.
	disk, err := os.OpenFile(s.diskFile(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(disk.Truncate(diskBytes), disk.Close(),
		os.Link(s.diskFile(), filepath.Join(s.root, "dev/sda")),
		os.WriteFile(filepath.Join(s.root, "sys/block/sda/wwid"), []byte("naa.5000c5000simulated\n"), 0o644),
		os.WriteFile(filepath.Join(s.root, "sys/block/sda/size"), fmt.Appendf(nil, "%d\n", diskBytes/512), 0o644),
		os.WriteFile(filepath.Join(s.root, "sys/block/sda/removable"), []byte("0\n"), 0o644))
}

// stubs puts stand-ins into the roots for the last scripts.
func (s *scripts) stubs(failing bool) error {
	status := "0"
	if failing {
		status = "1"
	}
	systemctl := "#!/bin/sh\n# Stands in for systemctl, simulated.\necho \"$@\" >> /var/systemctl.simulated\nexit " + status + "\n"
	err := os.WriteFile(filepath.Join(s.root, "mnt/sysimage/usr/local/bin/systemctl"), []byte(systemctl), 0o755)
	if s.Mute {
		curl := "#!/bin/sh\n# Loses the report of the end, simulated.\ncase $* in *'\"stage\": \"installed\"'*) printf 000; exit 7;; esac\nexec /usr/bin/curl \"$@\"\n"
		err = errors.Join(err, os.WriteFile(filepath.Join(s.root, "usr/local/bin/curl"), []byte(curl), 0o755))
	}
	return err
}

func (s *scripts) diskFile() string { return filepath.Join(s.Scratch, "simulated-sda") }

// layOut writes a mark on the disk in place of a partition table. It carries out nothing
// else of the Kickstart's layout.
func (s *scripts) layOut() error {
	if err := os.RemoveAll(s.system()); err != nil { // the system of an earlier install
		return err
	}
	disk, err := os.OpenFile(s.diskFile(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	mark := make([]byte, 512)
	mark[510], mark[511] = 0x55, 0xaa // an MBR's
	copy(mark[446:], []byte{0, 0, 2, 0, 0x83, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 8, 0, 0})
	_, err = disk.WriteAt(mark, 0)
	return errors.Join(err, disk.Close())
}

func (s *scripts) clear() { _ = os.RemoveAll(s.root) }

// run runs the scripts of a kind in their order.
func (s *scripts) run(ctx context.Context, kind string) error {
	last := 0
	for _, sec := range s.file.Sections {
		if sec.Name == kind {
			last = sec.Pos.Line
		}
	}
	for _, sec := range s.file.Sections {
		if sec.Name != kind {
			continue
		}
		if kind == "%post" && sec.Pos.Line == last {
			if err := s.pause(ctx, PauseEnd); err != nil {
				return err
			}
		}
		err := s.one(ctx, sec)
		switch {
		case s.restarted():
			return errRestart
		case err == nil:
			continue
		}
		// pyanaconda/kickstart.py, AnacondaKSScript.run
		s.log.say("kickstart.script", "Error code %s running the kickstart script at line %d", status(err), sec.Pos.Line)
		if has(sec, "--erroronfail") {
			return &scriptError{kind, sec.Pos.Line, err}
		}
	}
	return nil
}

// status is the exit status in an error of a script, or what it says instead.
func status(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return strconv.Itoa(exit.ExitCode())
	}
	return err.Error()
}

// restarted reports whether a script has restarted the box: sysrq's b (reBoot).
func (s *scripts) restarted() bool {
	for _, root := range []string{s.root, filepath.Join(s.root, "mnt/sysimage")} {
		if b, err := os.ReadFile(filepath.Join(root, "proc/sysrq-trigger")); err == nil && strings.HasPrefix(string(b), "b") {
			return true
		}
	}
	return false
}

func has(sec *kickstart.Section, option string) bool {
	for _, w := range sec.Words {
		if w.Text == option {
			return true
		}
	}
	return false
}

// one runs one script. Mounts are those of a namespace of its own, and end with it.
func (s *scripts) one(ctx context.Context, sec *kickstart.Section) error {
	ctx, cancel := context.WithTimeout(ctx, scriptTime)
	defer cancel()
	inner := "/"
	if sec.Name == "%post" && !has(sec, "--nochroot") {
		inner = "/mnt/sysimage"
	}
	interpreter := "/bin/sh"
	for _, w := range sec.Words {
		if v, ok := strings.CutPrefix(w.Text, "--interpreter="); ok {
			interpreter = v
		}
	}
	file := filepath.Join(s.root, inner, "tmp/ks-script")
	if err := os.WriteFile(file, []byte(sec.Body), 0o700); err != nil {
		return err
	}
	var mounts strings.Builder
	for _, root := range []string{s.root, filepath.Join(s.root, "mnt/sysimage")} {
		for _, dir := range programs {
			fmt.Fprintf(&mounts, "[ ! -d /%s ] || { mount --bind /%s %s/%s && mount -o remount,bind,ro %s/%s; }\n", dir, dir, root, dir, root, dir)
		}
		fmt.Fprintf(&mounts, "touch %s/dev/null && mount --bind /dev/null %s/dev/null\n", root, root)
	}
	script := "set -e\n" + mounts.String() + fmt.Sprintf("exec chroot %s %s /tmp/ks-script\n", filepath.Join(s.root, inner), interpreter)
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C"}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		s.Say("%s line %d: %s", sec.Name, sec.Pos.Line, strings.TrimRight(line, "\n"))
		s.log.say("program", "%s", strings.TrimRight(line, "\n"))
	}
	return err
}
