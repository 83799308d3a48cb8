package page

import (
	"fmt"
	"strings"
	"testing"

	"rackhand/provision/catalog"
)

func TestViewFacts(t *testing.T) {
	for _, c := range []struct{ facts, want string }{
		{`{}`, ``},
		{
			`{"os": {"id": "debian", "name": "Debian GNU/Linux 12 (bookworm)"}, "kernel": {"release": "6.1", "arch": "x86_64"}, "cpu": {"model": "Xeon", "threads": 8},
			"memory": {"total": 17179869184}, "virtualisation": "kvm", "boot_mode": "uefi", "disks": [{"name": "sda", "bytes": 480103981056, "model": "SSD"}, {"name": "sdb", "bytes": 1048576}]}`,
			"Operating system: Debian GNU/Linux 12 (bookworm)|Kernel: 6.1 x86_64|Processor: 8 threads, Xeon|Memory: 16 GiB|Runs on: kvm|Boot mode: uefi|Disk: sda 447 GiB SSD|Disk: sdb 1 MiB",
		},
		{`{"os": {"id": "rocky", "version": "9"}, "virtualisation": "none", "memory": {"total": 22000000000000}}`, "Operating system: rocky 9|Memory: 20 TiB"},
		// What isn't as expected.
		{`{"os": "debian", "kernel": [1], "cpu": {"model": {"a": 1}, "threads": "many"}, "memory": {"total": -5}, "disks": {"a": 1}, "boot_mode": 1}`, ""},
		{`{"disks": [1, null, [], {"name": 5}, {}, {}, {}, {"name": "x"}], "memory": {"total": 1.5}}`, "Disks: 2 more"},
		{`{"os": {"name": "` + strings.Repeat("x", 5000) + `"}, "kernel": {"release": "a\n\tb"}}`, "Operating system: " + strings.Repeat("x", 80) + "…|Kernel: a b"},
	} {
		facts, err := catalog.DecodeFacts([]byte(c.facts))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range viewFacts(facts) {
			got = append(got, fmt.Sprintf("%s: %s", f.Name, f.Value))
		}
		if text := strings.Join(got, "|"); text != c.want {
			t.Errorf("got %s\nwant %s", text, c.want)
		}
	}
}
