//go:build e2e

package converge

import (
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func timerCases() []conformance {
	of := func(t catalog.Timer) catalog.Resource {
		t.Name, t.Ensure = "nightly", catalog.Present
		return catalog.Resource{Timer: &t}
	}
	absent := &catalog.Resource{Timer: &catalog.Timer{Name: "nightly", Ensure: catalog.Absent}}
	gone := "! test -e /etc/systemd/system/nightly.timer; ! test -e /etc/systemd/system/nightly.service; ! systemctl cat nightly.timer"
	return []conformance{
		{
			name: "timer",
			declare: of(catalog.Timer{
				Description: "100 % nightly", Command: []string{"/bin/sh", "-ec", `printf '%s ' "$(id -un)" "$HELLO" >/var/tmp/who`},
				Schedule: []string{"Mon..Fri *-*-* 03:00:00", "daily"}, RandomDelay: 60, Persistent: true, User: "daemon", Environment: []string{`HELLO=x y"$z%`},
			}),
			made: "changed nightly.service: made",
			is: `systemctl is-enabled nightly.timer; systemctl is-active nightly.timer; ! systemctl is-active nightly.service
				test "$(systemctl show --property=Description --value nightly.timer)" = '100 % nightly'
				systemctl show --property=TimersCalendar nightly.timer | grep -q 'Mon..Fri'; chmod 777 /var/tmp; rm -f /var/tmp/who; systemctl start nightly.service
				test "$(cat /var/tmp/who)" = 'daemon x y"$z% '`,
			drift: "systemctl disable --now nightly.timer; sed -i s/daily/weekly/ /etc/systemd/system/nightly.timer", mended: "changed nightly.timer: content changed",
			absent: absent, gone: gone,
		},
		{
			name:    "timer every",
			declare: of(catalog.Timer{Command: []string{"true"}, Every: 3600}),
			made:    "changed nightly.service: made", is: "systemctl is-active nightly.timer; systemctl show --property=NextElapseUSecMonotonic --value nightly.timer | grep -q [1-9]",
			drift: "systemctl stop nightly.timer", mended: "changed started", absent: absent, gone: gone,
		},
	}
}

// timers: what the command of a timer gets, a schedule that systemd refuses, one that changes,
// and a service that failed.
func (b *booted) timers(t *testing.T) {
	odd := `a b"c'd\e$f%g` + "\nh\t${HOME} $$ ü"
	of := func(schedule string, command ...string) catalog.Resource {
		return catalog.Resource{ID: "timer[odd]", Timer: &catalog.Timer{Name: "odd", Ensure: catalog.Present, Command: command, Schedule: []string{schedule}}}
	}
	b.is(t, "odd characters", b.converge(false, of("daily", "/bin/sh", "-ec", `printf %s "$1" >/var/odd`, "sh", odd)), "timer[odd] changed")
	b.do("systemctl", "start", "odd.service")
	if got := b.do("cat", "/var/odd"); got != odd {
		t.Errorf("the command got %q, want %q", got, odd)
	}
	b.is(t, "a schedule", b.converge(false, of("Frog 03:00", "true")), "timer[odd] failed /etc/systemd/system/odd.timer: /bin/sh refuses the new content")
	b.is(t, "another schedule", b.converge(false, of("*-02-03 04:05:06", "false")), "timer[odd] changed odd.service: content changed, ")
	next := b.do("systemctl", "show", "--property=NextElapseUSecRealtime", "--value", "odd.timer")
	if !strings.Contains(next, "-02-03 04:05:06") {
		t.Errorf("it elapses next at %s", next)
	}
	b.do("sh", "-c", "systemctl start odd.service || true")
	for _, noop := range []bool{true, false} {
		b.is(t, "its service failed", b.converge(noop, of("*-02-03 04:05:06", "false")), "timer[odd] failed odd.service, which it starts, failed: exit status 1")
	}
	// The service's file alone, which the timer doesn't tell of.
	b.is(t, "mended", b.converge(false, of("*-02-03 04:05:06", "true")), "timer[odd] failed odd.service: content changed")
	b.do("systemctl", "start", "odd.service")
	b.is(t, "it held", b.converge(false, of("*-02-03 04:05:06", "true")), "timer[odd] ok")
	b.is(t, "removed", b.converge(false, catalog.Resource{ID: "timer[odd]", Timer: &catalog.Timer{Name: "odd", Ensure: catalog.Absent}}), "timer[odd] changed disabled; stopped; odd.timer: removed; odd.service: removed")
}
