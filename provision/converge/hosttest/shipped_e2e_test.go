//go:build e2e

package hosttest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/web/client"
)

// webServer is what the inventory says about web1.
const webServer = `roles: [base, nginx], variables: {
    base_groups: [admins],
    base_users: {alice: {comment: Alice, groups: [admins]}},
    base_former_users: [mallory],
    base_keys: {alice@laptop: {user: alice, key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx3eGGXkoDW5Qx6PbVEGwhsbn8wVUL9yNSbYpyJp3kE}},
    base_sudo: {admins: {group: admins, commands: [/usr/bin/id], nopasswd: yes}},
    nginx_sites: {shop: {extra: "location = /who { return 200 $server_addr; }"}}
    }`

// proxy is the role of lb1, which knows the web servers from the inventory.
const proxy = `include:
  - role: nginx
    with:
      nginx_sites: {shop: {upstreams: "${hosts(role=nginx).addresses}"}}
`

// byHand is what a person does on web1.
const byHand = `
echo '# mine' >>/etc/nginx/sites-enabled/shop
systemctl stop nginx && systemctl mask nginx
apt-get -q -y -o DPkg::Lock::Timeout=120 purge logrotate
usermod -aG sudo alice
useradd -G sudo mallory
echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFVvkQIB1UyJB5hHpTd3N0cr9kF2zrBPyV1Bd4KnAbCd mallory' >>/home/alice/.ssh/authorized_keys
`

// TestShippedRoles: the roles base and nginx on a web server, and nginx on a proxy whose
// agent is a daemon. The proxy takes in a web server that the inventory gets with the
// proxy's own next run. What a person changes on the web server is mended, and reported as
// drift.
func TestShippedRoles(t *testing.T) {
	system := filepath.Join(os.Getenv("RACKHAND_PEERS"), "shipped")
	web, lb := New(t, system), New(t, system).As("lb1", 2)
	// chronyd may not set this machine's clock.
	web.Write("etc/systemd/system/chrony.service.d/container.conf", "[Unit]\nConditionCapability=\n[Service]\nExecStart=\nExecStart=!/usr/sbin/chronyd -x -F 1\n", 0o644)
	must(t, "ln", "-s", "/dev/null", filepath.Join(web.Root, "etc/systemd/system/networking.service")) // the network is set up from outside
	declared := Network + "hosts:\n" + web.Declared(webServer) + lb.Declared("role: proxy")
	a := Serve(t, map[string]string{"rack.yaml": declared, "roles/proxy.yaml": proxy}, web, lb)
	var booted sync.WaitGroup
	for _, h := range []*Host{web, lb} {
		booted.Go(h.Boot)
	}
	if booted.Wait(); t.Failed() {
		return
	}

	lb.Do("systemd-run", "--quiet", "--unit=rackhand-agent", Agent, "daemon", "--interval", "2s")
	if first := changes(t, web, "the first run"); first["package[chrony]"] != catalog.CauseFirst || first["service[nginx]"] != catalog.CauseFirst {
		t.Errorf("the first run changed %v", first)
	}
	if second := changes(t, web, "the second run"); len(second) > 0 {
		t.Errorf("the second run changed %v", second)
	}
	if out := web.Do("su", "alice", "-c", "sudo -n id -u"); out != "0\n" {
		t.Errorf("alice's sudo says %q", out)
	}
	until(t, lb, "10.77.0.11")

	// The new web server is another address of web1, so that both answer.
	web2 := (&Host{}).As("web2", 3)
	must(t, "ip", "-n", web.ns, "addr", "add", web2.Address()+"/24", "dev", "eth0")
	a.Declare("rack.yaml", declared+web2.Declared("role: nginx"))
	until(t, lb, web.Address(), web2.Address())

	web.Do("sh", "-ec", byHand)
	want := map[string]string{}
	for _, id := range []string{
		"file[/etc/nginx/sites-enabled/shop]", "service[nginx]", "package[logrotate]", "user[alice]", "user[mallory]", "authorized_key[alice@laptop]",
	} {
		want[id] = catalog.CauseDrift
	}
	if got := changes(t, web, "the run after drift"); !maps.Equal(got, want) {
		t.Errorf("the run after drift changed\n%v, want\n%v", got, want)
	}
	if got := web.Do("id", "-nG", "alice"); got != "alice admins\n" {
		t.Errorf("alice is in %s", got)
	}
	if keys := web.Do("cat", "/home/alice/.ssh/authorized_keys"); strings.Contains(keys, "mallory") {
		t.Errorf("alice's keys:\n%s", keys)
	}
	until(t, lb, web.Address(), web2.Address())
	events, err := client.New(a.Socket).Events(t.Context(), web.name)
	check(t, err)
	told := 0
	for _, e := range events {
		if e.Kind == "drifted" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d events tell of drift, want 1: %+v", told, events)
	}
}

// changes makes a run, which has to succeed, and its checks too. It returns the causes of
// what was changed, as the appliance has them.
func changes(t *testing.T, h *Host, what string) map[string]string {
	t.Helper()
	out, _ := h.Try(Agent, "once")
	r := h.Report()
	if r.Error != "" || r.Status == catalog.Failed || len(r.Checks) != 1 {
		t.Errorf("%s: %s %s, %d checks\n%s", what, r.Status, r.Error, len(r.Checks), out)
	}
	for _, c := range r.Checks {
		if c.Status != catalog.OK {
			t.Errorf("%s: %+v", what, c)
		}
	}
	causes := map[string]string{}
	for _, x := range r.Results {
		if x.Status != catalog.OK {
			causes[x.ID] = x.Cause
		}
	}
	return causes
}

// until waits until the proxy passes requests to web servers with these addresses.
func until(t *testing.T, proxy *Host, addresses ...string) {
	t.Helper()
	seen := map[string]bool{}
	for range 600 {
		out, _ := exec.Command("ip", "netns", "exec", proxy.ns, "curl", "--silent", "--max-time", "2", "http://127.0.0.1/who").Output()
		seen[string(out)] = true
		reached := 0
		for _, a := range addresses {
			if seen[a] {
				reached++
			}
		}
		if reached == len(addresses) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	status, _ := proxy.Try("journalctl", "--unit=rackhand-agent", "--lines=30", "--no-pager")
	t.Fatalf("the proxy doesn't reach %v: %v\n%s", addresses, seen, status)
}
