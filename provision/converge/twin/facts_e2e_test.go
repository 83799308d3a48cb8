//go:build e2e

package twin

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rackhand/provision/converge/hosttest"
)

// facts are what is compared of a system: names such as "file /etc/motd", "package nginx",
// "user bob", "group bob" and "unit nginx.service", each with its state as text.
type facts map[string]string

// folders are those whose files are compared.
func folders() []string {
	return []string{"/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/usr/lib/systemd/system", "/var/spool", "/var/lib/systemd/linger"}
}

// passed are files that aren't compared: those of the two tools, those that each system
// makes at random, and those whose lines are compared as users and groups.
func passed() []*regexp.Regexp {
	var out []*regexp.Regexp
	for _, text := range []string{
		`/etc/rackhand(/.*)?`, `/etc/puppet(/.*)?`, `/root/twin\.(pp|sh|log)`, `/usr/local/sbin/rackhand-agent`,
		`/etc/machine-id`, `/etc/ssh/ssh_host_.*`, `/etc/ld\.so\.cache`, `/etc/\.pwd\.lock`,
		`/etc/(passwd|shadow|group|gshadow|subuid|subgid)-?`,
	} {
		out = append(out, regexp.MustCompile("^"+text+"$"))
	}
	return out
}

// observe asks a system for its facts.
func observe(t *testing.T, h *hosttest.Host) facts {
	t.Helper()
	f := facts{}
	f.accounts(t, h)
	f.packages(h)
	f.units(h)
	pass := passed()
	for _, folder := range folders() {
		err := filepath.WalkDir(h.Root+folder, func(path string, d fs.DirEntry, err error) error {
			name := strings.TrimPrefix(path, h.Root)
			if os.IsNotExist(err) || slices.ContainsFunc(pass, func(r *regexp.Regexp) bool { return r.MatchString(name) }) {
				return nil
			}
			if err != nil {
				return err
			}
			f["file "+name], err = describe(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// header are lines with a time that Puppet and crontab(1) put into files.
var header = regexp.MustCompile(`(?m)^# (HEADER|\(- installed on).*\n`)

// describe is a file as text: mode, owner and group as numbers, kind, and content.
func describe(path string) (string, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	st := info.Sys().(*syscall.Stat_t)
	text := fmt.Sprintf("%04o %d:%d ", st.Mode&0o7777, st.Uid, st.Gid)
	switch info.Mode().Type() {
	case 0:
		b, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		b = header.ReplaceAll(b, nil)
		if len(b) > 400 {
			return text + fmt.Sprintf("file of %d bytes, %x", len(b), sha256.Sum256(b)), nil
		}
		return text + fmt.Sprintf("file %q", b), nil
	case fs.ModeSymlink:
		to, err := os.Readlink(path)
		return "link to " + to, err
	case fs.ModeDir:
		return text + "folder", nil
	}
	return text + info.Mode().Type().String(), nil
}

// accounts are the lines of passwd and group, and those of shadow without the day on which
// the password was changed.
func (f facts) accounts(t *testing.T, h *hosttest.Host) {
	t.Helper()
	for _, file := range []struct{ kind, name string }{{"user", "passwd"}, {"user", "shadow"}, {"user", "subuid"}, {"group", "group"}, {"group", "gshadow"}} {
		b, err := os.ReadFile(filepath.Join(h.Root, "etc", file.name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			fields := strings.Split(strings.TrimSpace(line), ":")
			if file.name == "shadow" && len(fields) > 2 {
				fields[2] = ""
			}
			key := file.kind + " " + fields[0]
			f[key] = strings.TrimSpace(f[key] + " " + file.name + "=" + strings.Join(fields[1:], ":"))
		}
	}
}

func (f facts) packages(h *hosttest.Host) {
	manual := strings.Fields(h.Do("apt-mark", "showmanual"))
	for line := range strings.Lines(h.Do("dpkg-query", "-W", "-f", "${Package}\t${Status} ${Version}\n")) {
		name, state, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if slices.Contains(manual, name) {
			state += ", wanted for its own sake"
		}
		f["package "+name] = state
	}
}

// units are services, timers, sockets and paths: whether they are enabled, and active.
func (f facts) units(h *hosttest.Host) {
	types := "--type=service,timer,socket,path"
	for line := range strings.Lines(h.Do("systemctl", "list-unit-files", "--no-legend", types)) {
		if words := strings.Fields(line); len(words) > 1 {
			f["unit "+words[0]] = words[1]
		}
	}
	for line := range strings.Lines(h.Do("systemctl", "list-units", "--all", "--plain", "--no-legend", types)) {
		if words := strings.Fields(line); len(words) > 3 && words[2] != "inactive" {
			f["unit "+words[0]] = strings.TrimSpace(f["unit "+words[0]] + " " + words[2] + " " + words[3])
		}
	}
}
