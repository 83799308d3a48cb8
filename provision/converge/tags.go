package converge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rackhand/provision/catalog"
	"rackhand/provision/converge/packages"
)

// beyondTags are warnings of a run that was limited by tags: that it had nothing to do, and
// which refreshes it leaves to the next whole run.
func (a *Agent) beyondTags(demand Demand, state *State, results []catalog.Result) (warnings []string) {
	if len(results) == 0 {
		warnings = append(warnings, fmt.Sprintf("no resource of this host has one of the tags %s", strings.Join(demand.Tags, ", ")))
	}
	var left []string
	for _, id := range slices.Sorted(maps.Keys(state.Pending)) {
		if !slices.ContainsFunc(results, func(r catalog.Result) bool { return r.ID == id }) {
			left = append(left, id)
		}
	}
	if len(left) > 0 && !demand.Noop {
		warnings = append(warnings, fmt.Sprintf("the next run without tags refreshes %s", packages.Listed(left)))
	}
	for _, w := range warnings {
		a.Log.Warn(w)
	}
	return warnings
}
