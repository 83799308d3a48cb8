//go:build e2e

package converge

import (
	"os"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func running(name string) catalog.Resource {
	r := service(catalog.Service{Name: name, Running: yes()})
	if name == "stuck" {
		r.Deadline = 1
	}
	return r
}

// unit writes a unit's file.
func (b *booted) unit(name string, lines ...string) {
	b.write("/etc/systemd/system/"+name, strings.Join(lines, "\n")+"\n[Install]\nWantedBy=multi-user.target\n")
}

// services: a unit of any kind that isn't up is never ok.
func (b *booted) services(t *testing.T) {
	b.unit("good.service", "[Service]", "ExecStart=/bin/sleep infinity")
	b.unit("loop.service", "[Unit]", "StartLimitIntervalSec=0", "[Service]", "ExecStart=/bin/sh -c 'sleep 0.2; exit 3'", "Restart=always", "RestartSec=10ms")
	b.unit("gone.service", "[Service]", "ExecStart=/bin/sh -c 'exit 7'")
	b.unit("stuck.service", "[Service]", "Type=notify", "ExecStart=/bin/sleep infinity", "TimeoutStartSec=infinity")
	b.unit("job.service", "[Service]", "Type=oneshot", "ExecStart=/bin/true")
	b.unit("badjob.service", "[Service]", "Type=oneshot", "ExecStart=/bin/sh -c 'exit 4'")
	b.unit("kept.service", "[Service]", "Type=oneshot", "ExecStart=/bin/true", "RemainAfterExit=yes")
	b.unit("fork.service", "[Service]", "Type=forking", "RemainAfterExit=yes", "PIDFile=/run/fork.pid", "ExecStart=/bin/sh -c 'sleep infinity & echo $! >/run/fork.pid'")
	b.unit("tick.service", "[Service]", "Type=oneshot", "ExecStart=/bin/sh -c 'exit 5'")
	b.unit("tick.timer", "[Timer]", "OnActiveSec=1h", "AccuracySec=1ms")
	b.unit("sock.socket", "[Socket]", "ListenStream=/run/sock")
	b.unit("sock.service", "[Unit]", "StartLimitBurst=1", "[Service]", "ExecStart=/bin/sh -c 'exit 6'")
	b.unit("unmet.service", "[Unit]", "ConditionPathExists=/nowhere", "[Service]", "ExecStart=/bin/sleep infinity")
	names := []string{"good", "loop", "gone", "stuck", "job", "badjob", "kept", "fork", "tick.timer", "sock.socket", "unmet"}
	var all []catalog.Resource
	for _, name := range names {
		all = append(all, running(name))
	}
	b.do("systemctl", "daemon-reload")
	want := func(goods string, more ...string) []string {
		bad := map[string]string{
			"loop": "failed ", "gone": "failed started, but exit status 7: see journalctl -u gone.service", "stuck": "failed ",
			"badjob": "failed systemctl start -- badjob", "unmet": "failed started, but ",
		}
		var lines []string
		for _, name := range names {
			line := goods
			if bad[name] != "" {
				line = bad[name]
			}
			for i := 0; i+1 < len(more); i += 2 {
				if more[i] == name {
					line = more[i+1]
				}
			}
			lines = append(lines, "service["+name+"] "+line)
		}
		return lines
	}
	b.is(t, "dry run", b.converge(true, all...), want("changed started", "loop", "changed started", "gone", "changed started",
		"stuck", "changed started", "badjob", "changed started", "unmet", "changed started")...)
	b.is(t, "first run", b.converge(false, all...), want("changed started", "stuck", "failed ")...)
	// Failed once, they are looked at again until they hold.
	for range 2 {
		b.is(t, "again", b.converge(false, all...), want("ok", "stuck", "failed ")...)
	}
	b.is(t, "dry run of failures", b.converge(true, all...), want("ok", "loop", "failed ", "gone", "changed started",
		"stuck", "unknown it is still starting", "badjob", "changed started", "unmet", "changed started")...)

	b.do("sh", "-c", "kill $(cat /run/fork.pid)")
	b.do("sh", "-c", "systemctl start tick.service || true")
	b.do("sh", "-c", "systemctl start sock.service; sleep 0.1; systemctl start sock.service || true")
	b.is(t, "after failures", b.converge(false, all...), want("ok", "stuck", "failed", "fork", "failed its main process ",
		"tick.timer", "failed tick.service, which it starts, failed: exit status 5", "sock.socket", "failed ")...)
	b.unit("fork.service", "[Service]", "ExecStart=/bin/sleep infinity")
	b.unit("gone.service", "[Service]", "ExecStart=/bin/sleep infinity")
	b.do("sh", "-c", "systemctl daemon-reload; systemctl stop fork; systemctl reset-failed tick.service")
	b.is(t, "mended", b.converge(false, running("gone"), running("fork"), running("tick.timer")),
		"service[gone] changed started", "service[fork] changed started", "service[tick.timer] ok")
	b.do("systemctl", "stop", "loop", "stuck")

	// A crash loop that looks well for longer than it is watched.
	b.unit("slow.service", "[Unit]", "StartLimitIntervalSec=0", "[Service]", "ExecStart=/bin/sh -c 'while ! [ -e /run/crash ]; do sleep 0.05; done; rm /run/crash; exit 3'", "Restart=always", "RestartSec=10ms")
	b.do("systemctl", "daemon-reload")
	b.is(t, "before its crash", b.converge(false, running("slow")), "service[slow] changed started")
	b.is(t, "before its crash", b.converge(false, running("slow")), "service[slow] ok")
	b.do("touch", "/run/crash")
	b.do("sh", "-c", "until [ $(systemctl show --property=NRestarts --value slow) = 1 ]; do sleep 0.05; done")
	b.is(t, "dry run after its crash", b.converge(true, running("slow")), "service[slow] failed it ended and systemd restarted it, 1 times by now")
	b.is(t, "after its crash", b.converge(false, running("slow")), "service[slow] failed it ended and systemd restarted it, 1 times by now")
	b.is(t, "it holds", b.converge(false, running("slow")), "service[slow] ok")
	b.do("systemctl", "stop", "slow")
}

// oneQuestion: when nothing is to be done, systemctl is asked once, however many services
// there are.
func (b *booted) oneQuestion(t *testing.T) {
	var all []catalog.Resource
	for _, name := range []string{"good", "job", "kept", "sock.socket", "ssh", "sshd", "systemd-journald", "nosuch", "mdadm"} {
		r := running(name)
		switch name {
		case "ssh", "sshd":
			r.Service.Enabled = yes()
		case "nosuch", "mdadm":
			r.Service.Running, r.Service.Enabled = no(), no()
		}
		all = append(all, r)
	}
	b.do("systemctl", "reset-failed")
	b.do("systemctl", "restart", "sock.socket")
	b.converge(false, all...)
	for _, line := range b.converge(false, all...) {
		if !strings.HasSuffix(line, " ok") {
			t.Error(line)
		}
	}
	if len(b.calls) != 1 {
		t.Errorf("%d programs were run:\n%s", len(b.calls), strings.Join(b.calls, "\n"))
	}
}

// enabled: aliases, links that were changed by hand, units that systemctl calls indirect,
// and scripts of /etc/init.d.
func (b *booted) enabled(t *testing.T) {
	b.write("/usr/lib/systemd/system/share.service", "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\nAlias=shares.service\n")
	link := b.root.In("/usr/lib/systemd/system/kernel-share.service")
	if err := os.Symlink("share.service", link); err != nil {
		t.Fatal(err)
	}
	b.write("/etc/init.d/old", "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: old\n# Required-Start:\n# Required-Stop:\n# Default-Start: 2 3 4 5\n# Default-Stop:\n### END INIT INFO\nexit 0\n")
	b.do("systemctl", "daemon-reload")
	want := func(name string, enabled *bool) catalog.Resource {
		return service(catalog.Service{Name: name, Enabled: enabled})
	}
	step := func(name string, enabled *bool, outcome string) {
		t.Helper()
		b.is(t, name, b.converge(true, want(name, enabled)), "service["+name+"] "+outcome)
		b.is(t, name, b.converge(false, want(name, enabled)), "service["+name+"] "+outcome)
		b.is(t, name, b.converge(false, want(name, enabled)), "service["+name+"] ok")
	}
	step("share", no(), "ok")
	step("kernel-share", yes(), "changed enabled")
	step("share", yes(), "ok")
	step("shares", no(), "changed disabled") // by an alias that goes with it
	step("kernel-share", no(), "ok")
	step("share", yes(), "changed enabled")
	// systemd has the unit in memory, and hears of no link that goes behind its back.
	b.do("systemctl", "start", "share")
	b.do("rm", "/etc/systemd/system/multi-user.target.wants/share.service", "/etc/systemd/system/shares.service")
	step("share", yes(), "changed enabled")
	b.do("rm", "/etc/systemd/system/multi-user.target.wants/share.service", "/etc/systemd/system/shares.service")
	step("share", no(), "ok")
	step("old", no(), "ok")
	step("old", yes(), "changed enabled")
	step("old", no(), "changed disabled")
}
