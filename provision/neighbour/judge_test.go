package neighbour_test

import (
	"testing"

	"rackhand/inventory"
	"rackhand/provision/neighbour"
)

func TestJudge(t *testing.T) {
	first, second, other := inventory.MAC{2, 0, 0, 0, 0, 1}, inventory.MAC{2, 0, 0, 0, 0, 2}, inventory.MAC{2, 0, 0, 0, 0, 9}
	host := []inventory.MAC{first, second}
	for name, tc := range map[string]struct {
		found neighbour.Found
		want  neighbour.Verdict
	}{
		"its card":                     {neighbour.Found{Link: "eth0", MAC: first, Confirmed: true}, neighbour.Proved},
		"its second card":              {neighbour.Found{Link: "eth0", MAC: second, Confirmed: true}, neighbour.Proved},
		"its card, long ago":           {neighbour.Found{Link: "eth0", MAC: first}, neighbour.Silent},
		"another":                      {neighbour.Found{Link: "eth0", MAC: other, Confirmed: true}, neighbour.Another},
		"another that is silent":       {neighbour.Found{Link: "eth0", MAC: other}, neighbour.Another},
		"no machine":                   {neighbour.Found{Link: "eth0"}, neighbour.Silent},
		"no machine, though confirmed": {neighbour.Found{Link: "eth0", Confirmed: true}, neighbour.Silent},
		"behind a router":              {neighbour.Found{Link: "eth0", Routed: true}, neighbour.Unproved},
		"behind a router with a MAC":   {neighbour.Found{Link: "eth0", Routed: true, MAC: first, Confirmed: true}, neighbour.Unproved},
		"this machine":                 {neighbour.Found{Link: "lo", Local: true}, neighbour.Proved},
	} {
		if got := neighbour.Judge(tc.found, host); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	if got := neighbour.Judge(neighbour.Found{MAC: first, Confirmed: true}, nil); got != neighbour.Another {
		t.Errorf("a host without MACs: %v", got)
	}
}
