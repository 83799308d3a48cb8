package inventory

import (
	"fmt"

	"rackhand/config/problem"
)

// An Origin is where one value of a host's setting comes from.
type Origin struct {
	Layer string // "host web1", "group web", "system debian12", "defaults", "built in"
	// Value is as in [Host] and [Boot]: string, Policy, time.Duration, SecretRef,
	// MACs, []string, int, bool, ProxyForm, or for a variable whatever it holds.
	Value any
	At    string // file:line:column; "" when built in
}

// builtIn is the layer of defaults.
const builtIn = "built in"

// Explain returns the origins of a host's setting. The first one is in force. It overrides
// those after it, the stronger ones first. Keys are those of the
// YAML (system, kickstart, roles, install, answer, budget, disk, mac, address, group,
// rack), bmc.KEY, bmc.vendors.NAME, boot.program, boot.console,
// boot.args, boot.vlan, boot.secure_boot, boot.proxy and variables.NAME. A key
// that nothing gives has no origins; an unknown host is an error.
func Explain(s *Snapshot, host, key string) ([]Origin, error) {
	if s == nil {
		return nil, fmt.Errorf("no inventory is loaded: mend the problems that `rackhand check` shows")
	}
	of, ok := s.origins[host]
	if !ok {
		err := fmt.Errorf("there is no host %q in the inventory", host)
		if hint := problem.DidYouMean(host, s.HostNames()); hint != "" {
			err = fmt.Errorf("%w: %s", err, hint)
		}
		return nil, err
	}
	return of.origins()[key], nil
}

// ExplainKeys lists the keys of a host's settings, sorted.
func ExplainKeys(s *Snapshot, host string) []string {
	if s == nil {
		return nil
	}
	if of, ok := s.origins[host]; ok {
		return sortedKeys(of.origins())
	}
	return nil
}
