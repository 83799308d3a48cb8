package journal_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rackhand/provision"
)

// TestStrangersAreBounded: made-up hardware addresses don't fill memory or the store, and
// don't displace hosts of the inventory.
func TestStrangersAreBounded(t *testing.T) {
	const most = 4096
	path := filepath.Join(t.TempDir(), "db")
	j := open(t, path)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	see := func(host string, at time.Duration) error {
		return j.Record(provision.Event{Time: begin.Add(at), Host: host, Source: "dhcp", Kind: "unclaimed", Message: "m"})
	}
	if err := see("web1", 0); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(64)
	for i := range most + 100 {
		group.Go(func() error {
			return see(fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&0xff), time.Duration(i+1)*time.Second)
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		hosts := j.Hosts()
		if len(hosts) != most+1 {
			t.Errorf("%s: %d hosts are remembered, want %d strangers and web1", when, len(hosts), most)
		}
		if _, ok := hosts["web1"]; !ok {
			t.Errorf("%s: web1 gave way to strangers", when)
		}
		for _, last := range []string{"02:00:00:00:10:63", "02:00:00:00:10:00"} {
			if _, ok := hosts[last]; !ok {
				t.Errorf("%s: %s, seen last, is forgotten", when, last)
			}
		}
		for name := range hosts {
			if strings.HasPrefix(name, "02:00:00:00:00:0") {
				t.Errorf("%s: %s, seen first, is remembered", when, name)
			}
		}
	}
	check("now")
	if err := see("02:00:00:00:00:00", 2*time.Hour); err != nil { // forgotten, and here again
		t.Fatal(err)
	}
	if _, ok := j.Hosts()["02:00:00:00:00:00"]; !ok {
		t.Error("a stranger that came back is not remembered")
	}
	j.stop()
	j = open(t, path)
	if n := len(j.Hosts()); n != most+1 {
		t.Errorf("after reopening: %d hosts", n)
	}
}
