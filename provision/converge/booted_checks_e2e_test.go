//go:build e2e

package converge

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/checks"
)

// checks counts the failed units of a real systemd, and runs programs as users that the
// system knows.
func (b *booted) checks(t *testing.T) {
	b.write("/etc/systemd/system/broken.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
	b.do("systemctl", "daemon-reload")
	b.do("systemctl", "reset-failed")
	defer b.do("systemctl", "reset-failed")
	k := checks.Checker{
		Runner: b, Clock: time.Now, Sleep: Sleep, Log: slog.New(slog.DiscardHandler), Bound: (&Engine{}).bounded,
	}
	units := func(failed int, except ...string) catalog.Check {
		return catalog.Check{From: catalog.FromHost, Systemd: &catalog.SystemdCheck{Failed: failed, Except: except}, Within: 1, Deadline: 60}
	}
	exec := func(user string, words ...string) catalog.Check {
		return catalog.Check{From: catalog.FromHost, Exec: &catalog.ExecCheck{Command: words, User: user, Content: catalog.Content{Matches: "^nobody\n$"}}, Within: 1, Deadline: 60}
	}
	is := func(what string, c catalog.Check, want string) {
		t.Helper()
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if r := k.All(t.Context(), []catalog.Check{c}, 0)[0]; (r.Status == catalog.OK) != (want == "") || !strings.Contains(r.Message, want) {
			t.Errorf("%s: %+v, want %q", what, r, want)
		}
	}
	is("no failed unit", units(0), "")
	if out, err := b.Run(t.Context(), nil, "systemctl", "start", "broken"); err != nil || out.Code == 0 {
		t.Fatalf("%v %+v", err, out)
	}
	is("a failed unit", units(0), "systemd failed units: 1 failed, at most 0 may: broken.service")
	is("one may", units(1), "")
	is("it doesn't count", units(0, "brok*.service"), "")
	is("as a user", exec("nobody", "id", "-un"), "")
	is("as root", exec("", "id", "-un"), "is: root")
	is("as somebody", exec("somebody", "id", "-un"), "runuser: user somebody does not exist")
}
