package simulated

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"rackhand/templates/kickstart"
)

// scripts runs a Kickstart's scripts, really, in a scratch root: the machine's own
// programs, and of its devices none. The root has one blank disk, sda, that is a file.
// systemctl in the installed system is a stand-in that writes down what it is told.
type scripts struct {
	*box
	log  *syslog
	file *kickstart.File
	root string
}

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
	disk, err := os.Create(filepath.Join(s.root, "dev/sda"))
	if err != nil {
		return err
	}
	stub := "#!/bin/sh\n# Stands in for systemctl, simulated.\necho \"$@\" >> /var/systemctl.simulated\n"
	return errors.Join(disk.Truncate(diskBytes), disk.Close(),
		os.WriteFile(filepath.Join(s.root, "sys/block/sda/size"), fmt.Appendf(nil, "%d\n", diskBytes/512), 0o644),
		os.WriteFile(filepath.Join(s.root, "sys/block/sda/removable"), []byte("0\n"), 0o644),
		os.WriteFile(filepath.Join(system, "usr/local/bin/systemctl"), []byte(stub), 0o755))
}

func (s *scripts) clear() { _ = os.RemoveAll(s.root) }

// run runs the scripts of a kind in their order.
func (s *scripts) run(ctx context.Context, kind string) error {
	for _, sec := range s.file.Sections {
		if sec.Name != kind {
			continue
		}
		err := s.one(ctx, sec)
		switch {
		case err == nil:
		case has(sec, "--erroronfail"):
			return fmt.Errorf("the %s at line %d: %w", kind, sec.Pos.Line, err)
		default:
			s.log.say("program", "the %s at line %d: %v", kind, sec.Pos.Line, err)
		}
	}
	return nil
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
