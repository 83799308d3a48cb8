package systemd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The text is systemd 252's, of units asked for by name and by alias, of one that isn't
// there, a timer, a socket and two oneshots.
func TestParse(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "show.txt"))
	if err != nil {
		t.Fatal(err)
	}
	units, err := Parse(string(b))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range units {
		h, why := u.Health()
		got = append(got, strings.TrimSpace(strings.Join([]string{u.ID, u.FileState, []string{"stopped", "starting", "healthy", "failed"}[h], why}, " ")))
	}
	want := []string{
		"ssh.service enabled healthy", "ssh.service enabled healthy", "nosuch.service  stopped there is no such unit",
		"apt-daily.timer disabled stopped it is inactive", "apt-daily.service static stopped it is inactive",
		"systemd-journald.socket static healthy", "systemd-tmpfiles-setup.service static healthy",
		"systemd-random-seed.service static stopped a condition of the unit (Condition…=) isn't met",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if units[0].Since == 0 || units[0].ExecMainPID == 0 || units[3].Triggers != "apt-daily.service" {
		t.Errorf("%+v\n%+v", units[0], units[3])
	}
}

func TestHealth(t *testing.T) {
	tests := []struct {
		name string
		unit Unit
		want Health
		why  string // part of it
	}{
		{"runs", Unit{ActiveState: "active", SubState: "running", Type: "simple"}, Healthy, ""},
		{"reloads", Unit{ActiveState: "reloading", SubState: "reload"}, Healthy, ""},
		{"starts", Unit{ActiveState: "activating", SubState: "start-pre"}, Starting, "start-pre"},
		{"crashes", Unit{ActiveState: "activating", SubState: "auto-restart", ExecMainCode: 1, ExecMainStatus: 3}, Failed, "exit status 3"},
		{"crashes, systemd 254", Unit{ActiveState: "activating", SubState: "auto-restart-queued", ExecMainCode: 2, ExecMainStatus: 11}, Failed, "SIGSEGV"},
		{"gave up", Unit{ActiveState: "failed", Result: "start-limit-hit"}, Failed, "gave up"},
		{"timed out", Unit{ActiveState: "failed", Result: "timeout"}, Failed, "in its time"},
		{"masked", Unit{LoadState: "masked", ActiveState: "inactive"}, Stopped, "masked"},
		{"unreadable", Unit{ID: "x.service", LoadState: "bad-setting", ActiveState: "inactive"}, Failed, "systemctl status x.service"},
		{"stops", Unit{ActiveState: "deactivating", SubState: "stop-sigterm"}, Starting, "deactivating"},
		{"oneshot ran", Unit{ActiveState: "inactive", Type: "oneshot", Started: 5, Result: "success"}, Healthy, ""},
		{"oneshot ran in vain", Unit{ActiveState: "inactive", Type: "oneshot", Started: 5, Result: "exit-code", ExecMainCode: 1, ExecMainStatus: 4}, Failed, "exit status 4"},
		{"oneshot never ran", Unit{ActiveState: "inactive", Type: "oneshot", Result: "success"}, Stopped, ""},
		{"oneshot that stays", Unit{ActiveState: "active", SubState: "exited", Type: "oneshot", ExecMainPID: 7, Result: "success"}, Healthy, ""},
		{"forking, its daemon gone", Unit{ActiveState: "active", SubState: "exited", Type: "forking", ExecMainPID: 7, ExecMainCode: 2, ExecMainStatus: 9, Result: "success"}, Failed, "main process 7 is gone (killed by SIGKILL)"},
		{"a script without a process", Unit{ActiveState: "active", SubState: "exited", Type: "forking", Result: "success"}, Healthy, ""},
		{"stays after a failure", Unit{ActiveState: "active", SubState: "exited", Type: "simple", Result: "signal", ExecMainCode: 2, ExecMainStatus: 6}, Failed, "SIGABRT"},
	}
	for _, tt := range tests {
		if got, why := tt.unit.Health(); got != tt.want || !strings.Contains(why, tt.why) {
			t.Errorf("%s: %d %q, want %d %q", tt.name, got, why, tt.want, tt.why)
		}
	}
	timer := Unit{ID: "x.timer", ActiveState: "active", SubState: "waiting"}
	if h, _ := timer.Behind(Unit{ActiveState: "inactive"}); h != Healthy {
		t.Error("a timer that waits")
	}
	if h, why := timer.Behind(Unit{ID: "x.service", ActiveState: "failed", ExecMainCode: 1, ExecMainStatus: 1}); h != Failed || !strings.Contains(why, "x.service, which it starts, failed: exit status 1") {
		t.Errorf("a timer whose service failed: %d %q", h, why)
	}
	u := Unit{Restarts: 3, ExecMainCode: 1, ExecMainStatus: 2}
	if _, yes := u.Restarted(3); yes {
		t.Error("its restarts haven't grown")
	}
	if why, yes := u.Restarted(2); !yes || !strings.Contains(why, "3 times") {
		t.Errorf("its restarts have grown: %q", why)
	}
}

func TestAgrees(t *testing.T) {
	links := []Link{
		{"multi-user.target.wants", "web.service", "/lib/systemd/system/web.service"},
		{"getty.target.wants", "getty@tty1.service", "/lib/systemd/system/getty@.service"},
		{"", "sshd.service", "/lib/systemd/system/ssh.service"},
		{"", "off.service", "/dev/null"},
		{"multi-user.target.wants", "off.service", "/lib/systemd/system/off.service"},
	}
	for _, tt := range []struct {
		unit, state string
		want        bool
	}{
		{"web.service", "enabled", true},
		{"web.service", "disabled", false},
		{"other.service", "enabled", false}, // its link was removed by hand
		{"other.service", "disabled", true},
		{"other.service", "static", true},
		{"getty@tty1.service", "enabled", true},
		{"ssh.service", "enabled", true},
		{"ssh.service", "indirect", false},
		{"off.service", "enabled", false},
		{"off.service", "masked", true},
		{"web.service", "masked", false},
		{"vendor.service", "masked", true},
		{"web.service", "enabled-runtime", true}, // its link lies in /run
	} {
		if got := Agrees(links, tt.unit, tt.state); got != tt.want {
			t.Errorf("%s is %s: %v", tt.unit, tt.state, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Id=a.service\nActiveState=active\nNRestarts=[not set]\n\nId=b.service\nActiveState=failed\nExecMainStatus=99999999999999999999\n")
	f.Add("\n\n\n=\n")
	f.Fuzz(func(t *testing.T, text string) {
		units, err := Parse(text)
		if err != nil {
			return
		}
		for _, u := range units {
			if h, why := u.Health(); h != Healthy && why == "" {
				t.Errorf("%+v is %d without a reason", u, h)
			}
			u.Behind(u)
			CanBeEnabled(text)
		}
	})
}
