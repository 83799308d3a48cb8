package redfish

import (
	"context"
	"slices"
)

const (
	maxPages   = 20
	maxMembers = 1000
)

// A collection is a page of a collection (DSP0266 §7.8).
type collection struct {
	Members []link
	Count   number `json:"Members@odata.count"`
	Next    link   `json:"Members@odata.nextLink"`
}

// members are the paths of a collection's members, at most so many, without those that a
// service lists as null or twice. It isn't asked to expand them: some then leave fields out.
func (s *session) members(ctx context.Context, path link, most int) ([]link, error) {
	var all []link
	for page := 0; path != "" && page < maxPages && len(all) < most; page++ {
		var c collection
		if _, err := s.get(ctx, path, &c); err != nil {
			return nil, err
		}
		for _, m := range c.Members {
			if m != "" && !slices.Contains(all, m) && len(all) < most {
				all = append(all, m)
			}
		}
		path = c.Next
	}
	return all, nil
}
