package templates_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// TestFailingScripts: a script that fails reports it, and restarts the box when
// another attempt is left. A disk that carries data takes the box back to it, once the
// appliance knows. Nothing of it happens where no installer was booted.
func TestFailingScripts(t *testing.T) {
	const agent, enable, keys = "enrol-token", "systemctl enable", "authorized_keys"
	for _, tt := range []struct {
		script, word, moved string
		another, installer  bool
		fail                func(*scriptRoot)
		stage, kind         string // the last report
		says                string
		restarts            bool
	}{
		{script: "%post", word: agent, moved: "/mnt/sysimage", another: true, installer: true, kind: "attempt-failed", says: "leaving the agent", restarts: true},
		{script: "%post", word: agent, moved: "/mnt/sysimage", installer: true, kind: "attempt-failed", says: "leaving the agent"},
		{script: "%post", word: agent, moved: "/mnt/sysimage", another: true, kind: "attempt-failed", says: "leaving the agent"},
		{script: "%post", word: enable, another: true, installer: true, kind: "attempt-failed", says: "enabling the agent failed with status 9", restarts: true, fail: func(b *scriptRoot) {
			b.write("bin/systemctl", "#!/bin/sh\nexit 9\n")
		}},
		{script: "%post", word: enable, another: true, installer: true, fail: func(b *scriptRoot) { b.write("bin/systemctl", "#!/bin/sh\nexit 0\n") }},
		{script: "%post", word: keys, moved: "/root/", another: true, installer: true, kind: "attempt-failed", says: "writing the keys of root", restarts: true, fail: func(b *scriptRoot) {
			b.write("root", "in its way")
		}},
		{script: "%pre", word: "wipefs", another: true, installer: true, stage: "failed", kind: "disk-guard", says: "carries data", restarts: true, fail: func(b *scriptRoot) {
			b.disk("sda")
			b.write("dev/sda.types", "xfs\n")
		}},
		{script: "%pre", word: "wipefs", another: true, installer: true, stage: "failed", kind: "disk-guard", says: "no disk to install to", fail: func(*scriptRoot) {}},
	} {
		b := newScriptRoot(t)
		cmdline := "BOOT_IMAGE=/vmlinuz root=/dev/sda1\n"
		if tt.installer {
			cmdline = "initrd=rd inst.ks=http://10.77.0.1/i/TOKEN/ks ip=dhcp\n"
		}
		b.write("proc/cmdline", cmdline)
		if tt.fail != nil {
			tt.fail(b)
		} else {
			b.write("bin/mkdir", "#!/bin/sh\nexit 3\n")
		}
		for _, program := range []string{"systemctl", "mkdir"} {
			_ = os.Chmod(filepath.Join(b.dir, "bin", program), 0o755)
		}
		d := filled(kickstart.RHEL9, extras()[1])
		d.Install.Another = tt.another
		moved := []string{tt.moved}
		if tt.moved == "" {
			moved = nil
		}
		if tt.word == "wipefs" {
			moved = []string{"in /dev/", "/sys/block"}
		}
		out, err := b.run(body(t, render(t, "rhel.ks", d), tt.script, tt.word), moved...)
		if (err != nil) != (tt.kind != "") {
			t.Errorf("%s: %v: %s", tt.word, err, out)
		}
		reports := b.reports()
		switch {
		case tt.kind == "" && len(reports) > 0:
			t.Errorf("%s: reported: %v", tt.word, reports)
		case tt.kind != "":
			if len(reports) == 0 || reports[len(reports)-1]["kind"] != tt.kind || reports[len(reports)-1]["stage"] != tt.stage || !strings.Contains(reports[len(reports)-1]["message"], tt.says) {
				t.Errorf("%s: reported: %v", tt.word, reports)
			}
		}
		if got := b.read("proc/sysrq-trigger") == "b\n"; got != tt.restarts {
			t.Errorf("%s, another attempt %v, an installer %v: restarted: %v", tt.word, tt.another, tt.installer, got)
		}
	}
}

// TestHandOff runs what leaves the agent behind.
func TestHandOff(t *testing.T) {
	b := newScriptRoot(t)
	files := map[string]string{
		"rocky":     "[baseos]\nmirrorlist=https://mirrors.example/list?repo=BaseOS-$releasever\n#baseurl=http://dl.example/$contentdir/$releasever/BaseOS/$basearch/os/\ngpgkey=file:///etc/pki/key\n",
		"almalinux": "[baseos]\nmirrorlist=https://mirrors.example/$releasever/baseos\n# baseurl=https://repo.example/almalinux/$releasever/BaseOS/$basearch/os/\n",
		"fedora":    "[fedora]\n#baseurl=http://download.example/pub/fedora/linux/releases/$releasever/Everything/$basearch/os/\nmetalink=https://mirrors.example/metalink\n",
		"site":      "[site]\nmirrorlist=https://site.example/\n",
		"rocky-x":   "[x]\nmetalink=https://x.example/\n",
	}
	for name, text := range files {
		b.write("mnt/sysimage/etc/yum.repos.d/"+name+".repo", text)
	}
	b.write("mnt/sysimage/etc/systemd/system/x", "")
	d := filled(kickstart.RHEL9)
	out, err := b.run(body(t, render(t, "rhel.ks", d), "%post", "enrol-token"), "/mnt/sysimage")
	if err != nil || out != "" {
		t.Fatalf("%v: %s", err, out)
	}
	for name, want := range map[string]string{
		"usr/local/sbin/rackhand-agent": "from http://10.77.0.1/i/TOKEN/agent\n", "etc/rackhand/ca.pem": "from http://10.77.0.1/i/TOKEN/ca.pem\n",
		"etc/rackhand/enrol-token":       "ENROL\n",
		"etc/yum.repos.d/rocky.repo":     "[baseos]\n#mirrorlist=https://mirrors.example/list?repo=BaseOS-$releasever\nbaseurl=http://10.77.0.1/mirror/rocky/$releasever/BaseOS/$basearch/os/\ngpgkey=file:///etc/pki/key\n",
		"etc/yum.repos.d/almalinux.repo": "[baseos]\n#mirrorlist=https://mirrors.example/$releasever/baseos\nbaseurl=http://10.77.0.1/mirror/almalinux/$releasever/BaseOS/$basearch/os/\n",
		"etc/yum.repos.d/fedora.repo":    "[fedora]\nbaseurl=http://10.77.0.1/mirror/fedora/releases/$releasever/Everything/$basearch/os/\n#metalink=https://mirrors.example/metalink\n",
		"etc/yum.repos.d/site.repo":      files["site"], "etc/yum.repos.d/rocky-x.repo": files["rocky-x"],
	} {
		if got := b.read("mnt/sysimage/" + name); got != want {
			t.Errorf("%s:\n%s", name, got)
		}
	}
	var conf map[string]string
	if err := json.Unmarshal([]byte(b.read("mnt/sysimage/etc/rackhand/agent.json")), &conf); err != nil || conf["host"] != "web1" || conf["appliance"] != "https://10.77.0.1:8443" {
		t.Errorf("%v %v", conf, err)
	}
	for name, mode := range map[string]os.FileMode{"usr/local/sbin/rackhand-agent": 0o755, "etc/rackhand/enrol-token": 0o600, "etc/rackhand/ca.pem": 0o644} {
		if st, err := os.Stat(filepath.Join(b.dir, "mnt/sysimage", name)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, st, err)
		}
	}
}

// TestKeys: every key of root is in the file, each on its line.
func TestKeys(t *testing.T) {
	b := newScriptRoot(t)
	d := filled(kickstart.F44, extras()[1])
	if out, err := b.run(body(t, render(t, "fedora.ks", d), "%post", "authorized_keys"), "/root/"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := b.read("root/.ssh/authorized_keys"); got != "ssh-ed25519 AAAA it's me\nssh-ed25519 BBBB you\n" {
		t.Errorf("%q", got)
	}
}

// TestSiteFailing: a script of the site's own takes failing.sh, as the guide has it. With
// images it stays a script like any other.
func TestSiteFailing(t *testing.T) {
	dir := t.TempDir()
	own := "%post --erroronfail\ndoing='joining the domain'\n{{ template \"failing.sh\" . }}\nrealm join example.com || exit 1\n%end\n"
	if err := os.WriteFile(filepath.Join(dir, "post.ks"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, release := range map[string]kickstart.Release{"rhel.ks": kickstart.RHEL9, "fedora.ks": kickstart.F44, "base.ks": ""} {
		for _, fails := range []bool{true, false} {
			b := newScriptRoot(t)
			b.write("proc/cmdline", "inst.ks=http://10.77.0.1/i/TOKEN/ks\n")
			b.write("bin/realm", fmt.Sprintf("#!/bin/sh\n%v\n", !fails))
			if err := os.Chmod(filepath.Join(b.dir, "bin/realm"), 0o755); err != nil {
				t.Fatal(err)
			}
			d := filled(release)
			d.Install.Another = true
			text, err := templates.New(dir).Render(name, d, templates.Funcs(d.Host, templates.StandInSecret))
			if err != nil {
				t.Fatal(err)
			}
			out, err := b.run(body(t, text, "%post", "realm join"))
			if (err != nil) != fails {
				t.Errorf("%s: %v %s", name, err, out)
			}
			reports, restarted := b.reports(), b.read("proc/sysrq-trigger") != ""
			want := fails && release != ""
			if restarted != want || (len(reports) == 1) != want || want && (reports[0]["kind"] != "attempt-failed" || !strings.HasPrefix(reports[0]["message"], "joining the domain failed with status 1")) {
				t.Errorf("%s, fails %v: restarted %v, reported %v", name, fails, restarted, reports)
			}
		}
	}
}
