package installer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rackhand/provision/installer/plan"
)

func (m *machine) doBind(_ context.Context, _ plan.BindStep) error {
	for _, b := range []struct{ from, kind, to string }{
		{"/dev", "", "dev"},
		{"proc", "proc", "proc"},
		{"sysfs", "sysfs", "sys"},
		{"tmpfs", "tmpfs", "run"}, // scripts lie there: they hold secrets that no disk should keep
	} {
		dir := filepath.Join(m.target, b.to)
		if st, err := os.Lstat(dir); err == nil && st.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("the image's /%s is a symbolic link", b.to)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		var flags uintptr
		if b.kind == "" {
			flags = unix.MS_BIND
		}
		if err := unix.Mount(b.from, dir, b.kind, flags, ""); err != nil {
			return fmt.Errorf("mount %s in the system: %w", b.from, err)
		}
		m.mounts = append(m.mounts, dir)
	}
	return nil
}

// inRoot opens the target as a root that no path leads out of.
func (m *machine) inRoot(f func(*os.Root) error) error {
	root, err := os.OpenRoot(m.target)
	if err != nil {
		return err
	}
	defer root.Close()
	return f(root)
}

func (m *machine) doFile(_ context.Context, s plan.FileStep) error {
	m.Con.Printf("file %s", s.Path)
	return m.inRoot(func(root *os.Root) error { return writeFile(root, s.Path, s.Mode, s.Text) })
}

// writeFile writes a new file of the installed system; a link of that name is
// replaced, not followed (resolv.conf often is one, to a place that only exists
// in the running system).
func writeFile(root *os.Root, name string, mode uint32, text string) error {
	name = strings.TrimPrefix(name, "/")
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.WriteFile(name, []byte(text), fs.FileMode(mode)); err != nil {
		return err
	}
	return root.Chmod(name, fs.FileMode(mode)) // past the umask
}

func (m *machine) doChroot(ctx context.Context, s plan.ChrootStep) error {
	m.Con.Printf("%s", s.What)
	if err := m.inTarget(ctx, s.Input, s.Argv...); err != nil {
		return fmt.Errorf("%s: %w", s.What, err)
	}
	return nil
}

func (m *machine) doSSHKey(_ context.Context, s plan.SSHKeyStep) error {
	return m.inRoot(func(root *os.Root) error {
		passwd, err := root.ReadFile("etc/passwd")
		if err != nil {
			return err
		}
		u, err := findUser(string(passwd), s.User)
		if err != nil {
			return fmt.Errorf("sshkey: %w", err)
		}
		m.Con.Printf("ssh key of %s", s.User)
		return addKey(root, u, s.Key)
	})
}

// addKey appends a key to ~/.ssh/authorized_keys, which sshd takes only when it
// belongs to the user, and no other user may write to it.
func addKey(root *os.Root, u passwdUser, key string) error {
	dir := strings.TrimPrefix(path.Join(u.home, ".ssh"), "/")
	file := dir + "/authorized_keys"
	if err := root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	old, err := root.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(old) > 0 && old[len(old)-1] != '\n' {
		old = append(old, '\n')
	}
	if err := writeFile(root, file, 0o600, string(old)+key+"\n"); err != nil {
		return err
	}
	for _, name := range []string{dir, file} {
		if err := root.Lchown(name, u.uid, u.gid); err != nil {
			return err
		}
	}
	return nil
}

type passwdUser struct {
	home     string
	uid, gid int
}

// findUser looks a user up in /etc/passwd (passwd(5)).
func findUser(passwd, name string) (passwdUser, error) {
	for line := range strings.SplitSeq(passwd, "\n") {
		f := strings.Split(line, ":")
		if len(f) < 7 || f[0] != name {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err := errors.Join(err1, err2); err != nil {
			return passwdUser{}, err
		}
		if !path.IsAbs(f[5]) {
			return passwdUser{}, fmt.Errorf("user %s has no home folder", name)
		}
		return passwdUser{home: path.Clean(f[5]), uid: uid, gid: gid}, nil
	}
	return passwdUser{}, fmt.Errorf("the system has no user %s: make it with a line user --name=%s before", name, name)
}

func (m *machine) doTimezone(_ context.Context, s plan.TimezoneStep) error {
	return m.inRoot(func(root *os.Root) error {
		clockMode := "LOCAL"
		if s.UTC {
			clockMode = "UTC"
		}
		// adjtime(5): the third line says how the hardware clock runs
		if err := writeFile(root, "/etc/adjtime", 0o644, "0.0 0 0.0\n0\n"+clockMode+"\n"); err != nil || s.Zone == "" {
			return err
		}
		if _, err := root.Stat("usr/share/zoneinfo/" + s.Zone); err != nil {
			m.Warnf("timezone %s: the image has no such time zone (is tzdata in it?); left as it is", s.Zone)
			return nil
		}
		if err := root.Remove("etc/localtime"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := root.Symlink("/usr/share/zoneinfo/"+s.Zone, "etc/localtime"); err != nil {
			return err
		}
		return writeFile(root, "/etc/timezone", 0o644, s.Zone+"\n")
	})
}

func (m *machine) doLabel(_ context.Context, _ plan.LabelStep) error {
	return m.inRoot(func(root *os.Root) error {
		config, err := root.ReadFile("etc/selinux/config")
		if err != nil || !selinuxOn(string(config)) {
			return nil // none is there, or it is off
		}
		return writeFile(root, "/.autorelabel", 0o600, "")
	})
}

// selinuxOn reads SELINUX= of /etc/selinux/config; the last one counts.
func selinuxOn(config string) bool {
	mode := ""
	for line := range strings.Lines(config) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "SELINUX="); ok {
			mode = strings.TrimSpace(v)
		}
	}
	return mode == "enforcing" || mode == "permissive"
}

func (m *machine) doSELinux(_ context.Context, s plan.SELinuxStep) error {
	return m.inRoot(func(root *os.Root) error {
		old, err := root.ReadFile("etc/selinux/config")
		switch {
		case errors.Is(err, fs.ErrNotExist) && s.Mode == "enforcing" && s.Skip:
			m.Warnf("selinux --enforcing is skipped: the system has no SELinux")
			return nil
		case errors.Is(err, fs.ErrNotExist) && s.Mode == "enforcing":
			return errors.New("selinux --enforcing: the system has no SELinux: put its policy into the image or into %packages, or write selinux --disabled")
		case errors.Is(err, fs.ErrNotExist):
			return nil // no SELinux: it is as disabled as can be
		case err != nil:
			return err
		}
		return writeFile(root, "/etc/selinux/config", 0o644, setKey(string(old), "SELINUX", s.Mode))
	})
}
