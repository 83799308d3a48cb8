package config

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketGroup(t *testing.T) {
	me, err := user.LookupGroupId("0")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ problem, lookup string }{
		"":                          {"", ""},
		"socket_group: " + me.Name:  {"", ""},
		"socket_group: nosuchgroup": {"", "/etc/group has no group \"nosuchgroup\": create it with `groupadd --system nosuchgroup`, or"},
		"socket_group: 'a b'":       {`socket_group: "a b" can't be the name of a group`, ""},
		"socket_group: [a]":         {"socket_group", ""},
		"socket_group: 0":           {`"0" can't be the name of a group`, ""},
	} {
		path := filepath.Join(t.TempDir(), "rackhand.yaml")
		if err := os.WriteFile(path, []byte("interfaces: [eth1]\n"+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems := Load(path)
		if err := problems.Err(); err != nil || want.problem != "" {
			if err == nil || want.problem == "" || !strings.Contains(err.Error(), want.problem) {
				t.Errorf("%q: %v", name, err)
			}
			continue
		}
		gid, err := c.SocketGID()
		switch {
		case want.lookup != "":
			if err == nil || !strings.Contains(err.Error(), want.lookup) {
				t.Errorf("%q: %v", name, err)
			}
		case err != nil, name == "" && gid != -1, name != "" && gid != 0:
			t.Errorf("%q: %d, %v", name, gid, err)
		}
	}
}
