//go:build bench

package agents

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rackhand/provision/converge/hosttest"
)

var write = flag.Bool("write", false, "put the table into docs/performance.md")

// system is a Debian with all contenders, and an appliance on its network.
type system struct {
	*hosttest.Host
	t    *testing.T
	load string
}

func newSystem(t *testing.T) *system {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t: t, Host: hosttest.New(t, filepath.Join(os.Getenv("RACKHAND_PEERS"), "agents")), load: strings.Fields(string(load))[0]}
	for i := range services {
		s.Write("etc/systemd/system/"+service(i)+".service", unit(i), 0o600)
	}
	s.Write("root/bench.pp", Manifest(), 0o600)
	s.Write("root/bench.yml", Playbook(), 0o600)
	s.Write("root/bench.cf", Promises(), 0o600)
	s.Manage(map[string]string{"rack.yaml": hosttest.Inventory("bench"), "roles/bench.yaml": Role()})
	s.Do("mkdir", "-p", "/srv/bench")
	return s
}

// version is that of a contender.
func (s *system) version(name string) string {
	command, ok := map[string]string{"CFEngine": "cf-agent --version", "Puppet": "puppet --version", "ansible-core": "ansible --version"}[name]
	if !ok {
		return "this"
	}
	return regexp.MustCompile(`\d+(\.\d+)+`).FindString(s.Do("sh", "-c", "LC_ALL=C.UTF-8 HOME=/root "+command))
}
