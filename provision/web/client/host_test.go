package client_test

import (
	"errors"
	"testing"

	"rackhand/provision"
	"rackhand/provision/web/client"
)

func TestFind(t *testing.T) {
	st := provision.Status{Hosts: []provision.HostStatus{
		{Host: "web1", MACs: []string{"52:54:00:00:00:01", "52:54:00:00:00:11"}},
		{Host: "52:54:00:00:00:09", Unclaimed: true, MACs: []string{"52:54:00:00:00:09"}},
	}}
	for name, want := range map[string]string{
		"web1": "web1", "52:54:00:00:00:11": "web1", "5254.0000.0001": "web1", "52-54-00-00-00-09": "52:54:00:00:00:09",
	} {
		if h, err := client.Find(st, name); err != nil || h.Host != want {
			t.Errorf("%s: %s, %v; want %s", name, h.Host, err, want)
		}
	}
	for name, want := range map[string]string{
		"wbe1":              `wbe1: no such host in the inventory: did you mean "web1"?`,
		"52:54:00:00:00:0a": "52:54:00:00:00:0a: no such host in the inventory: known here: web1",
	} {
		if _, err := client.Find(st, name); !errors.Is(err, provision.ErrNoHost) || err.Error() != want {
			t.Errorf("%s: %v; want %s", name, err, want)
		}
	}
	if _, err := client.Find(provision.Status{}, "x"); err == nil || err.Error() != "x: no such host in the inventory: it has no hosts yet, and `rackhand claim` adds one" {
		t.Error(err)
	}
}
