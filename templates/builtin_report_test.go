package templates_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/templates"
	"rackhand/templates/kickstart"
)

// TestReport: for any message, the body is JSON, and short.
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

// TestReportPatience: the script waits for an appliance that restarts, the longest for the
// report of the end. It doesn't repeat a refused report.
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
