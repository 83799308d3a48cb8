package templates_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// body finds the script of a section that holds a word.
func body(t *testing.T, text, section, word string) string {
	t.Helper()
	f, err := kickstart.Parse("ks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Sections {
		if s.Name == section && strings.Contains(s.Body, word) {
			return s.Body
		}
	}
	t.Fatalf("no %s with %q:\n%s", section, word, text)
	return ""
}

// A scriptRoot is a folder that scripts are run in, as if it were the machine: its tools of
// the first resort are fakes.
type scriptRoot struct {
	t   *testing.T
	dir string
}

func newScriptRoot(t *testing.T) *scriptRoot {
	b := &scriptRoot{t, t.TempDir()}
	b.write("bin/wipefs", "#!/bin/sh\nfor disk; do :; done\n[ -e \"$disk.bad\" ] && exit 1\n[ -e \"$disk.types\" ] && cat \"$disk.types\"\nexit 0\n")
	b.write("bin/sleep", "#!/bin/sh\necho \"$1\" >> "+b.dir+"/slept\n")
	b.write("bin/curl", "#!/bin/sh\nfor url; do :; done\nwhile [ $# -gt 0 ]; do\n"+
		"    case $1 in --data-binary) printf '%s\\n' \"$2\" >> "+b.dir+"/reports;; --output) [ \"$2\" = /dev/null ] || echo \"from $url\" > \"$2\";; --write-out) printf 204;; esac\n    shift\ndone\n")
	for _, f := range []string{"bin/wipefs", "bin/curl", "bin/sleep"} {
		if err := os.Chmod(filepath.Join(b.dir, f), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"sys/block", "dev/disk/by-id", "proc"} {
		if err := os.MkdirAll(filepath.Join(b.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *scriptRoot) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *scriptRoot) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	return string(text)
}

const diskSize = 8<<20 + 512*100 // no whole number of MiB

// disk adds a blank disk.
func (b *scriptRoot) disk(name string) {
	b.t.Helper()
	b.write("dev/"+name, "")
	if err := os.Truncate(filepath.Join(b.dir, "dev", name), diskSize); err != nil {
		b.t.Fatal(err)
	}
	b.write("sys/block/"+name+"/size", "16484\n")
	b.write("sys/block/"+name+"/removable", "0\n")
}

// put writes a byte to a disk.
func (b *scriptRoot) put(name string, at int64) {
	b.t.Helper()
	f, err := os.OpenFile(filepath.Join(b.dir, "dev", name), os.O_WRONLY, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{1}, at); err != nil {
		b.t.Fatal(err)
	}
}

// run runs a script in the box; moved are the places that lie in its folder.
func (b *scriptRoot) run(script string, moved ...string) (string, error) {
	b.t.Helper()
	// A script that starts its box anew must never reach this machine's kernel.
	script = strings.ReplaceAll(script, "/proc/", b.dir+"/proc/")
	for _, m := range moved {
		if !strings.Contains(script, m) {
			b.t.Fatalf("the script has no %q:\n%s", m, script)
		}
		place := m[strings.Index(m, "/"):]
		script = strings.ReplaceAll(script, m, strings.TrimSuffix(m, place)+b.dir+place)
	}
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Dir = b.dir
	cmd.Env = []string{"PATH=" + b.dir + "/bin:" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// reports are the events that were posted.
func (b *scriptRoot) reports() []map[string]string {
	b.t.Helper()
	var out []map[string]string
	for line := range strings.Lines(b.read("reports")) {
		var r map[string]string
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			b.t.Fatalf("%v: %s", err, line)
		}
		out = append(out, r)
	}
	return out
}

// TestGuard runs the disk guard against disks of every kind.
func TestGuard(t *testing.T) {
	types := func(text string) func(*scriptRoot) { return func(b *scriptRoot) { b.write("dev/sda.types", text) } }
	for _, tt := range []struct {
		name  string
		disk  string // the host's
		disks []any  // the variable
		make  func(*scriptRoot)
		want  string // what it says; "" when it lets the install go on
		// anaconda: only Anaconda would touch that disk
		anaconda bool
	}{
		{name: "blank", make: func(*scriptRoot) {}},
		{name: "partition table", make: types("gpt\ngpt\nPMBR\n"), want: "/dev/sda: PMBR gpt;"},
		{name: "LVM", make: types("LVM2_member\n"), want: "/dev/sda: LVM2_member;"},
		{name: "RAID", make: types("linux_raid_member\n"), want: "/dev/sda: linux_raid_member;"},
		{name: "file system", make: types("xfs\n"), want: "not armed with --wipe: "},
		{name: "its first bytes", make: func(b *scriptRoot) { b.put("sda", 3000) }, want: "unknown data in its first MiB"},
		{name: "its last byte", make: func(b *scriptRoot) { b.put("sda", diskSize-1) }, want: "unknown data in its last MiB"},
		{name: "remains amid it", make: func(b *scriptRoot) { b.put("sda", 3<<20) }},
		{name: "a second disk", make: func(b *scriptRoot) { b.disk("sdb"); b.write("dev/sdb.types", "ext4\n") }, want: "/dev/sdb: ext4;"},
		{name: "the named one of two", disk: "sda", make: func(b *scriptRoot) { b.disk("sdb"); b.write("dev/sdb.types", "ext4\n") }},
		{name: "the other of two", disk: "/dev/sdb", make: func(b *scriptRoot) { b.disk("sdb"); b.write("dev/sdb.types", "ext4\n") }, want: "/dev/sdb: ext4;"},
		{name: "both named", disks: []any{"sda", "sdb"}, make: func(b *scriptRoot) { b.disk("sdb"); b.write("dev/sdb.types", "ext4\n") }, want: "/dev/sdb: ext4;"},
		{name: "by pattern", disk: "sd*", make: types("xfs\n"), want: "/dev/sda: xfs;"},
		{name: "by alternatives", disk: "nvme0n1|sda", make: types("xfs\n"), want: "/dev/sda: xfs;"},
		{name: "by id", disk: "/dev/disk/by-id/ata-1", want: "/dev/sda: xfs;", make: func(b *scriptRoot) {
			b.write("dev/sda.types", "xfs\n")
			if err := os.Symlink("../../sda", filepath.Join(b.dir, "dev/disk/by-id/ata-1")); err != nil {
				b.t.Fatal(err)
			}
		}},
		{name: "by id, data of no known kind at its end", disk: "disk/by-id/ata-1", want: "last MiB", make: func(b *scriptRoot) {
			b.put("sda", diskSize-1)
			if err := os.Symlink("../../sda", filepath.Join(b.dir, "dev/disk/by-id/ata-1")); err != nil {
				b.t.Fatal(err)
			}
		}},
		{name: "a stick", make: func(b *scriptRoot) {
			b.disk("sdb")
			b.write("sys/block/sdb/removable", "1\n")
			b.write("dev/sdb.types", "vfat\n")
		}, want: "/dev/sdb: vfat; no disk is named", anaconda: true},
		{name: "a disk on USB", want: "/dev/sdb: ext4; no disk is named", anaconda: true, make: func(b *scriptRoot) {
			b.disk("sdb")
			b.write("dev/sdb.types", "ext4\n")
			place := filepath.Join(b.dir, "sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block")
			if err := errors.Join(os.MkdirAll(place, 0o755), os.Rename(filepath.Join(b.dir, "sys/block/sdb"), place+"/sdb"), os.Symlink(place+"/sdb", filepath.Join(b.dir, "sys/block/sdb"))); err != nil {
				b.t.Fatal(err)
			}
		}},
		{name: "a stick beside the named disk", disk: "sda", make: func(b *scriptRoot) {
			b.disk("sdb")
			b.write("sys/block/sdb/removable", "1\n")
			b.write("dev/sdb.types", "vfat\n")
		}},
		{name: "a reader without a card", make: func(b *scriptRoot) {
			b.disk("sdb")
			b.write("sys/block/sdb/size", "0\n")
			b.write("dev/sdb.bad", "")
		}},
		{name: "the installer's own", make: func(b *scriptRoot) { b.disk("loop0"); b.write("dev/loop0.types", "squashfs\n") }},
		{name: "can't be looked at", make: func(b *scriptRoot) { b.write("dev/sda.bad", "") }, want: "could not be looked at"},
		{name: "no wipefs", want: "could not be looked at", make: func(b *scriptRoot) { b.write("bin/wipefs", "#!/bin/sh\nexit 127\n") }},
		{name: "named and not there", disk: "nvme0n1", make: func(*scriptRoot) {}, want: "Wanted: nvme0n1. This box has: sda"},
		{name: "no disk", want: "Wanted: any.", make: func(b *scriptRoot) {
			if err := os.RemoveAll(filepath.Join(b.dir, "sys/block/sda")); err != nil {
				b.t.Fatal(err)
			}
		}},
	} {
		for _, engine := range []string{"rhel.ks", "base.ks"} {
			t.Run(tt.name+" "+engine, func(t *testing.T) {
				b := newScriptRoot(t)
				b.disk("sda")
				tt.make(b)
				if tt.anaconda && engine == "base.ks" {
					tt.want = ""
				}
				d := filled(kickstart.RHEL9)
				if engine == "base.ks" {
					d = filled("")
				}
				d.Host.Disk = tt.disk
				if tt.disks != nil {
					d.Host.Variables["disks"] = tt.disks
				}
				out, err := b.run(body(t, render(t, engine, d), "%pre", "wipefs"), "in /dev/", "/sys/block")
				out = strings.ReplaceAll(out, b.dir, "")
				reports := b.reports()
				switch {
				case strings.Contains(tt.want, "Wanted") && engine == "base.ks":
					if err != nil { // rackhand-installer finds disks by serial number too, and says it
						t.Errorf("%v: %s", err, out)
					}
				case tt.want == "":
					if err != nil || len(reports) > 0 || out != "" {
						t.Errorf("%v, %v: %s", err, reports, out)
					}
				case err == nil || !strings.Contains(out, tt.want):
					t.Errorf("%v: %s", err, out)
				case engine == "base.ks":
					if len(reports) > 0 { // rackhand-installer reports what the script said
						t.Errorf("%v", reports)
					}
				case len(reports) != 1 || reports[0]["stage"] != "failed" || reports[0]["level"] != "error" || len(reports[0]["message"]) < 40:
					t.Errorf("reported: %v", reports)
				}
			})
		}
	}
}

// TestGuardWipe: an install that was armed with --wipe has no guard, and says so.
func TestGuardWipe(t *testing.T) {
	for name, release := range map[string]kickstart.Release{"rhel.ks": kickstart.RHEL9, "fedora.ks": kickstart.F44, "base.ks": ""} {
		d := filled(release)
		d.Install.Wipe = true
		if text := render(t, name, d); strings.Contains(text, "wipefs") || !strings.Contains(text, "Armed with --wipe") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// TestFirmware: a mirrored layout stops on a box that was started the other way.
func TestFirmware(t *testing.T) {
	for _, tt := range []struct {
		made string
		efi  bool
		good bool
	}{{"uefi", true, true}, {"uefi", false, false}, {"bios", true, false}, {"bios", false, true}} {
		b := newScriptRoot(t)
		if tt.efi {
			b.write("sys/firmware/efi/x", "")
		}
		d := filled(kickstart.RHEL9, layouts()[2])
		d.Host.Variables["firmware"] = tt.made
		out, err := b.run(body(t, render(t, "rhel.ks", d), "%pre", "/sys/firmware"), "/sys/firmware")
		if (err == nil) != tt.good || (len(b.reports()) == 0) != tt.good {
			t.Errorf("%+v: %v %s %v", tt, err, out, b.reports())
		}
	}
}

// TestReport: whatever the message, the body is JSON, and short.
func TestReport(t *testing.T) {
	b := newScriptRoot(t)
	d := filled(kickstart.RHEL9)
	text, err := templates.New("").Render("report.sh", d, templates.Funcs(d.Host, templates.StandInSecret))
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 5000)
	if out, err := b.run(text + "\nreport installer progress '' \"$(printf 'a \"b\" \\\\ c\\n\\tü %%s $x')\"\nreport failed x error " + long + "\nreport '' '' '' ''\n"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := b.reports()
	if len(got) != 3 || got[0]["stage"] != "installer" || !strings.HasPrefix(got[0]["message"], "a  b    c") || len(got[1]["message"]) != 1000 || got[2]["message"] != "" {
		t.Errorf("%v", got)
	}
	b.write("bin/curl", "#!/bin/sh\nexit 22\n")
	if out, err := b.run("set -e\n" + text + "\nreport a b c d\necho went on\n"); err != nil || !strings.Contains(out, "went on") {
		t.Errorf("an install stops when nobody listens: %v %s", err, out)
	}
}

// TestReportPatience: an appliance that restarts is waited for, the longest for the report
// of the end; what it refuses is not said again.
func TestReportPatience(t *testing.T) {
	for _, tt := range []struct {
		report  string
		away    int    // how often the appliance is away
		answer  string // and then says
		asked   int
		told    string
		minutes int // that were waited at least, of curl's own retries too
		each    int // seconds that one try takes, when the appliance hangs
	}{
		{"installed progress '' done", 0, "204", 1, "yes", 0, 0},
		{"installed progress '' done", 40, "204", 41, "yes", 3, 0},
		{"installed progress '' done", 999, "204", 60, "no", 4, 0},
		{"'' attempt-failed error x", 5, "204", 6, "yes", 0, 0},
		{"'' attempt-failed error x", 999, "204", 12, "no", 0, 0},
		{"'' packages-through '' x", 3, "204", 4, "yes", 0, 0},
		{"'' progress '' x", 999, "204", 3, "no", 0, 0},
		{"installed progress '' done", 2, "403", 3, "no", 0, 0},
		{"installed progress '' done", 2, "503", 60, "no", 4, 0},
		{"installed progress '' done", 999, "204", 7, "no", 0, 90},
		{"'' attempt-failed error x", 999, "204", 2, "no", 0, 90},
	} {
		b := newScriptRoot(t)
		b.write("proc/uptime", "4711.52 9000.10\n")
		b.write("bin/curl", "#!/bin/sh\necho \"$*\" >> "+b.dir+"/asked\necho $((4711 + "+fmt.Sprint(tt.each)+" * $(wc -l < "+b.dir+"/asked))).52 9000.10 > "+b.dir+"/proc/uptime\n[ $(wc -l < "+b.dir+"/asked) -gt "+fmt.Sprint(tt.away)+" ] || { printf 000; exit 7; }\nprintf "+tt.answer+"\n")
		d := filled(kickstart.RHEL9)
		text, err := templates.New("").Render("report.sh", d, templates.Funcs(d.Host, templates.StandInSecret))
		if err != nil {
			t.Fatal(err)
		}
		out, err := b.run("set -eu\n" + text + "\nreport " + tt.report + "\necho told=$told\n")
		asked := b.read("asked")
		if n := strings.Count(asked, "\n"); err != nil || n != tt.asked || !strings.Contains(out, "told="+tt.told) || strings.Count(asked, "--retry-connrefused") != n {
			t.Errorf("%+v: %v, asked %d times: %s", tt, err, n, out)
		}
		if waited := 5 * strings.Count(b.read("slept"), "\n"); waited < 60*tt.minutes {
			t.Errorf("%+v: waited %d s", tt, waited)
		}
	}
}

// TestFetchPatience: an appliance that restarts while the agent is fetched is waited for.
func TestFetchPatience(t *testing.T) {
	for _, tt := range []struct {
		away   int
		answer string
		good   bool
		asked  int // for the agent's binary
	}{{0, "200", true, 1}, {4, "200", true, 5}, {999, "200", false, 12}, {1, "403", false, 2}, {0, "503", false, 12}} {
		b := newScriptRoot(t)
		b.write("mnt/sysimage/etc/systemd/system/x", "")
		b.write("bin/curl", "#!/bin/sh\nfor url; do :; done\ncase $url in */agent) ;; *) exec "+b.dir+"/bin/curl.good \"$@\";; esac\n"+
			"echo \"$*\" >> "+b.dir+"/asked\n[ $(wc -l < "+b.dir+"/asked) -gt "+fmt.Sprint(tt.away)+" ] || { printf 000; exit 7; }\n"+
			"[ "+tt.answer+" = 200 ] || { printf "+tt.answer+"; exit 22; }\nexec "+b.dir+"/bin/curl.good \"$@\"\n")
		b.write("bin/curl.good", "#!/bin/sh\nfor url; do :; done\nwhile [ $# -gt 0 ]; do\n    case $1 in --output) [ \"$2\" = /dev/null ] || echo \"from $url\" > \"$2\";; esac\n    shift\ndone\nprintf 204\n")
		if err := os.Chmod(filepath.Join(b.dir, "bin/curl.good"), 0o755); err != nil {
			t.Fatal(err)
		}
		out, err := b.run(body(t, render(t, "rhel.ks", filled(kickstart.RHEL9)), "%post", "enrol-token"), "/mnt/sysimage")
		asked := b.read("asked")
		if n := strings.Count(asked, "\n"); (err == nil) != tt.good || n != tt.asked || strings.Count(asked, "--retry-connrefused") != n {
			t.Errorf("%+v: %v, asked %d times: %s", tt, err, n, out)
		}
	}
}

// TestFailingScripts: a script that fails says so itself, and starts the box anew when
// another attempt is left. A disk that carries data takes the box back to it, once the
// appliance knows. Nothing of it happens where no installer was booted.
func TestFailingScripts(t *testing.T) {
	const agent, enable, keys = "enrol-token", "systemctl enable", "authorized_keys"
	for _, tt := range []struct {
		script, word, moved string
		another, installer  bool
		fail                func(*scriptRoot)
		stage, kind         string // what is reported last
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
			t.Errorf("%s, another attempt %v, an installer %v: started anew: %v", tt.word, tt.another, tt.installer, got)
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

// TestGuardOurs: what an earlier attempt of the same install has written is no other's
// data; a disk of another id, or without one, is looked at as ever.
func TestGuardOurs(t *testing.T) {
	for _, tt := range []struct {
		name, id, ours string
		pass           bool
		says           string // ids that are reported
	}{
		{"ours", "naa.5000c500a1b2c3d4\n", "eui.1 naa.5000c500a1b2c3d4", true, "naa.5000c500a1b2c3d4"},
		{"another", "naa.5000c500a1b2c3d5\n", "eui.1 naa.5000c500a1b2c3d4", false, ""},
		{"a part of it", "naa.5000\n", "naa.5000c500a1b2c3d4", false, ""},
		{"without an id", "", "naa.5000c500a1b2c3d4", false, ""},
		{"blanks in it", "t10.ATA     A DISK   SERIAL 1 \n", "t10.ATA_A_DISK_SERIAL_1", true, "t10.ATA_A_DISK_SERIAL_1"},
		{"none is ours", "naa.5000c500a1b2c3d4\n", "", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, engine := range []struct {
				template string
				release  kickstart.Release
				reports  int // rackhand-installer reports by itself
			}{{"rhel.ks", kickstart.RHEL9, 1}, {"base.ks", "", 0}} {
				b := newScriptRoot(t)
				b.disk("sda")
				b.write("dev/sda.types", "gpt\n")
				if tt.id != "" {
					b.write("sys/block/sda/wwid", tt.id)
				}
				d := filled(engine.release)
				d.Install.Ours = tt.ours
				out, err := b.run(body(t, render(t, engine.template, d), "%pre", "wipefs"), "in /dev/", "/sys/block")
				if (err == nil) != tt.pass {
					t.Errorf("%s: %v: %s", engine.template, err, out)
				}
				for _, r := range b.reports() {
					if r["kind"] == "disks-blank" && strings.TrimSpace(r["message"]) != tt.says {
						t.Errorf("%s: reported: %v", engine.template, r)
					}
				}
				if n := len(b.reports()); n != engine.reports {
					t.Errorf("%s: %d reports", engine.template, n)
				}
			}
		})
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
				t.Errorf("%s, fails %v: started anew %v, reported %v", name, fails, restarted, reports)
			}
		}
	}
}
