package role

import (
	"slices"

	"rackhand/provision/catalog"
)

// exclusiveKeys tells an exclusive key which other keys of its user stay. One resource for
// each user is enough to remove the others.
func (c *compiler) exclusiveKeys() {
	keep, first := map[string][]string{}, map[string]*catalog.AuthorizedKey{}
	for _, n := range c.nodes {
		k := n.AuthorizedKey
		if k == nil || k.Ensure != catalog.Present {
			continue
		}
		keep[k.User] = append(keep[k.User], k.Key)
		if k.Exclusive && first[k.User] == nil {
			first[k.User] = k
		} else {
			k.Exclusive = false
		}
	}
	for user, k := range first {
		k.Keep = slices.Compact(slices.Sorted(slices.Values(keep[user])))
	}
}
