//go:build e2e

package converge

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

// texts tests the kinds that write texts, with the programs that read them.
func (b *booted) texts(t *testing.T) {
	for _, pkg := range []string{"sudo", "cron"} {
		peer := filepath.Join(os.Getenv("RACKHAND_PEERS"), pkg)
		if _, err := os.Stat(peer); err != nil {
			t.Fatalf("`.ci/peers DIR %s` unpacks what this test needs, and RACKHAND_PEERS names DIR: %v", pkg, err)
		}
		sh(t, fmt.Sprintf("tar -C %s -c . | tar -C %s -xp --keep-directory-symlink", peer, b.root.Root))
	}
	b.do("sh", "-c", "chmod 440 /etc/sudoers; useradd -m -s /bin/sh deploy; ssh-keygen -q -t ed25519 -N '' -C x -f /root/key")
	for _, c := range append(textCases(), b.programCases()...) {
		t.Run(c.name, func(t *testing.T) { b.conforms(t, c) })
	}
	t.Run("refused", b.refusedRule)
}

// refusedRule: a rule that visudo refuses doesn't get into place.
func (b *booted) refusedRule(t *testing.T) {
	b.write("/etc/sudoers.d/wrong", "# before\n")
	wrong := catalog.Resource{ID: "sudoers[wrong]", Sudoers: &catalog.Sudoers{Name: "wrong", Ensure: catalog.Present, Content: "deploy ALL=(nonsense\n"}}
	b.is(t, "a wrong rule", b.converge(false, wrong), "sudoers[wrong] failed visudo refuses the new content: ")
	if got := b.do("cat", "/etc/sudoers.d/wrong"); got != "# before\n" {
		t.Errorf("the file is %q", got)
	}
	b.do("rm", "/etc/sudoers.d/wrong")
}

// programCases are tried by sudo, cron and sshd.
func (b *booted) programCases() []conformance {
	const login = "mkdir -p /run/sshd; /usr/sbin/sshd -o PidFile=/run/sshd.pid -p 2222; trap 'kill $(cat /run/sshd.pid)' EXIT; " +
		"until nc -z 127.0.0.1 2222 2>/dev/null || bash -c ': > /dev/tcp/127.0.0.1/2222' 2>/dev/null; do sleep 0.05; done; " +
		"login() { ssh -i /root/key -p 2222 -o BatchMode=yes -o StrictHostKeyChecking=no deploy@127.0.0.1 id -un 2>/dev/null; }; "
	const job = "rm -f /run/crond.reboot /var/tmp/out; cron -f & trap \"kill $!\" EXIT; for i in $(seq 200); do test -s /var/tmp/out && break; sleep 0.05; done; "
	key := strings.Join(strings.Fields(b.do("cat", "/root/key.pub"))[:2], " ")
	authorized := func(ensure string) catalog.AuthorizedKey {
		return catalog.AuthorizedKey{Name: "alice@laptop", Ensure: ensure, User: "deploy", Key: key}
	}
	present, absent := authorized(catalog.Present), authorized(catalog.Absent)
	present.Options, present.Exclusive, present.Keep = []string{`environment="A=b c"`, "no-pty"}, true, []string{key}
	return []conformance{
		{
			name: "authorized key", declare: catalog.Resource{AuthorizedKey: &present},
			made: "changed key added; .ssh: directory made",
			is: `test "$(stat -c %a:%U:%G /home/deploy/.ssh /home/deploy/.ssh/authorized_keys | tr '\n' ' ')" = "700:deploy:deploy 600:deploy:deploy "; ` +
				"test $(wc -l < /home/deploy/.ssh/authorized_keys) = 1; " + login + `test "$(login)" = deploy`,
			drift:  `cd /home/deploy/.ssh; { echo '# mine'; ssh-keygen -q -t ecdsa -N '' -f /root/foreign; cat /root/foreign.pub; sed s/no-pty/pty/ authorized_keys; } > new; mv new authorized_keys; sed -i /mine/d authorized_keys`,
			mended: "changed options changed; keys that aren't declared removed, line 1; mode 0644 → 0600; owner 0 → ",
			absent: &catalog.Resource{AuthorizedKey: &absent}, gone: "test ! -s /home/deploy/.ssh/authorized_keys; " + login + "! login",
		},
		{
			name: "sudoers",
			declare: catalog.Resource{Sudoers: &catalog.Sudoers{
				Name: "deploy", Ensure: catalog.Present, User: "deploy", NoPasswd: true, Commands: []string{"/usr/bin/id -u", `/usr/bin/printf a,b:c=d\:# [0-9]*`},
			}},
			made:  "changed made, ",
			is:    `test "$(su deploy -c 'sudo -n id -u; sudo -n printf a,b:c=d:# 123')" = "$(printf '0\na,b:c=d:#')"; ! su deploy -c 'sudo -n true'; test "$(stat -c %a:%U:%G /etc/sudoers.d/deploy)" = 440:root:root`,
			drift: "chmod 644 /etc/sudoers.d/deploy; echo 'deploy ALL=NOPASSWD: ALL' > /etc/sudoers.d/deploy", mended: "changed content changed, ",
			absent: &catalog.Resource{Sudoers: &catalog.Sudoers{Name: "deploy", Ensure: catalog.Absent}},
			gone:   "! su deploy -c 'sudo -n id -u'",
		},
		{
			name: "cron",
			declare: catalog.Resource{Cron: &catalog.Cron{
				Name: "greet", Ensure: catalog.Present, User: "deploy", Schedule: "@reboot",
				Command: `echo "$GREETING $(id -un) $(date +%Y)" > /var/tmp/out`, Environment: []string{"GREETING= hello  world"},
			}},
			made: "changed made, ", is: job + `test "$(cat /var/tmp/out)" = " hello  world deploy $(date +%Y)"; test "$(stat -c %a:%U /etc/cron.d/greet)" = 644:root`,
			drift: "rm /var/tmp/out; sed -i s/hello/bye/ /etc/cron.d/greet", mended: "changed content changed, ",
			absent: &catalog.Resource{Cron: &catalog.Cron{Name: "greet", Ensure: catalog.Absent}},
			gone:   "test ! -e /etc/cron.d/greet",
		},
	}
}

// textCases are the kinds that edit files.
func textCases() []conformance {
	at := func(path string) catalog.Edited { return catalog.Edited{Path: path} }
	return []conformance{
		{
			name:    "line",
			prepare: `printf '# ssh\n#Port 1\nMatch all' > /etc/edited; chmod 640 /etc/edited; chown 0:1 /etc/edited`,
			declare: catalog.Resource{Line: &catalog.Line{Name: "port", Ensure: catalog.Present, Edited: at("/etc/edited"), Text: "Port 22", Match: "^#?Port "}},
			made:    "changed line 2 replaced", is: `printf '# ssh\nPort 22\nMatch all' | cmp - /etc/edited; test "$(stat -c %a:%u:%g /etc/edited)" = 640:0:1`,
			drift: "sed -i s/22/23/ /etc/edited", mended: "changed line 2 replaced",
			absent: &catalog.Resource{Line: &catalog.Line{Name: "port", Ensure: catalog.Absent, Edited: at("/etc/edited"), Match: "^Port "}},
			gone:   `printf '# ssh\nMatch all' | cmp - /etc/edited`,
		},
		{
			name: "line in a new file",
			declare: catalog.Resource{Line: &catalog.Line{
				Name: "new", Ensure: catalog.Present, Text: "x", Edited: catalog.Edited{Path: "/etc/edited-new", Create: true, Mode: "0600", Group: "daemon"},
			}},
			made: "changed made, 2 bytes", is: `test "$(cat /etc/edited-new)" = x; test "$(stat -c %a:%G /etc/edited-new)" = 600:daemon`,
			drift: "rm /etc/edited-new", mended: "changed made, 2 bytes",
		},
		{
			name:    "block",
			declare: catalog.Resource{Block: &catalog.Block{Name: "db hosts", Ensure: catalog.Present, Edited: at("/etc/hosts"), Content: "10.0.0.5 db\n"}},
			prepare: "echo 127.0.0.1 localhost > /etc/hosts",
			made:    "changed block of 1 lines added at line 2", is: "sed -n 3p /etc/hosts | grep -x '10.0.0.5 db'",
			drift: "sed -i s/0.5/0.6/ /etc/hosts", mended: "changed block replaced, lines 2 to 4",
			absent: &catalog.Resource{Block: &catalog.Block{Name: "db hosts", Ensure: catalog.Absent, Edited: at("/etc/hosts")}},
			gone:   "echo 127.0.0.1 localhost | cmp - /etc/hosts",
		},
		{
			name: "ini",
			declare: catalog.Resource{INI: &catalog.INI{
				Name: "shell", Ensure: catalog.Present, Edited: at("/etc/systemd/system.conf"), Section: "Manager", Key: "DefaultEnvironment", Value: "A=b", Separator: "=",
			}},
			made: "changed line ", is: "systemd-analyze cat-config systemd/system.conf | grep -x DefaultEnvironment=A=b; test $(grep -c '^\\[Manager\\]' /etc/systemd/system.conf) = 1",
			drift: "sed -i s/A=b/A=c/ /etc/systemd/system.conf", mended: "changed line ",
			absent: &catalog.Resource{INI: &catalog.INI{Name: "shell", Ensure: catalog.Absent, Edited: at("/etc/systemd/system.conf"), Section: "Manager", Key: "DefaultEnvironment"}},
			gone:   "! grep '^DefaultEnvironment=' /etc/systemd/system.conf",
		},
	}
}
