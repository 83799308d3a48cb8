// Package rollout orders runs of many hosts, one batch after the other, and shows the
// results. It runs in the operator's command. When the command ends, ordered runs go on, and
// the remaining runs are never ordered.
package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rackhand/provision"
)

// A Selection names hosts.
type Selection struct {
	Hosts         []string
	Groups, Roles []string
	All           bool
}

// Select returns the hosts that a selection names, each once: those given by name in their
// order, then the others by name. An error names the unknown host, group or role.
func Select(s Selection, known []provision.HostStatus) ([]string, error) {
	var out, more []string
	all := map[string]bool{}
	seen := map[string]bool{} // groups and roles
	for _, h := range known {
		if h.Unclaimed {
			continue
		}
		all[h.Host] = true
		seen["group "+h.Group] = true
		chosen := s.All || slices.Contains(s.Groups, h.Group)
		for _, r := range h.Roles {
			seen["role "+r] = true
			chosen = chosen || slices.Contains(s.Roles, r)
		}
		if chosen {
			more = append(more, h.Host)
		}
	}
	for _, h := range s.Hosts {
		if !all[h] {
			return nil, provision.NoHost(h, slices.Collect(maps.Keys(all)))
		}
		if !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	for _, g := range s.Groups {
		if g == "" || !seen["group "+g] {
			return nil, fmt.Errorf("no host is in a group %q", g)
		}
	}
	for _, r := range s.Roles {
		if r == "" || !seen["role "+r] {
			return nil, fmt.Errorf("no host has a role %q", r)
		}
	}
	slices.Sort(more)
	for _, h := range more {
		if !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no hosts: name some, or use --group, --role or --all")
	}
	return out, nil
}

// ParseBatch reads how many hosts of so many make a batch: a number, or a part such as 10%,
// which is rounded up. "" means all.
func ParseBatch(text string, hosts int) (int, error) {
	if text == "" {
		return hosts, nil
	}
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || percent && n > 100 {
		return 0, fmt.Errorf("%.20q is not a batch: write a number of hosts such as 5, or a part such as 10%%", text)
	}
	if percent {
		n = (hosts*n + 99) / 100
	}
	return min(n, hosts), nil
}
