package catalog

import (
	"fmt"
	"regexp"
	"slices"
)

// FirstBoot is the occasion of the first runs of a system, until one of them has no failure.
const FirstBoot = "first-boot"

// A Retry says how often work that fails is tried.
type Retry struct {
	Tries int `json:"tries"`          // altogether, at least 1
	Wait  int `json:"wait,omitempty"` // between two tries, in seconds
}

// The bounds of the attributes of every kind.
const (
	MaxTries     = 10
	MaxRetryWait = 300 // seconds
	MaxTags      = 20
)

var tagForm = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// CheckTags says what is wrong with tags.
func CheckTags(tags []string) error {
	if len(tags) > MaxTags {
		return fmt.Errorf("%d tags, at most %d are allowed", len(tags), MaxTags)
	}
	for _, t := range tags {
		if !tagForm.MatchString(t) {
			return fmt.Errorf("%.80q is not a tag: write small letters, digits, _ and -", t)
		}
	}
	return nil
}

// validateAttributes checks the attributes of every kind.
func (r *Resource) validateAttributes() error {
	if r.Deadline < 0 || r.Deadline > MaxDeadline {
		return fmt.Errorf("a deadline of %d seconds: 0 to %d are allowed", r.Deadline, MaxDeadline)
	}
	for _, o := range r.OnlyOn {
		if o != FirstBoot {
			return fmt.Errorf("only_on is %.40q: use %s", o, FirstBoot)
		}
	}
	if t := r.Retry; t != nil && (t.Tries < 1 || t.Tries > MaxTries || t.Wait < 0 || t.Wait > MaxRetryWait) {
		return fmt.Errorf("a retry of %d tries and %d seconds between them: 1 to %d tries, and 0 to %d seconds are allowed", t.Tries, t.Wait, MaxTries, MaxRetryWait)
	}
	return CheckTags(r.Tags)
}

// Tagged are the resources that have one of the tags, and those that they require, in the
// catalog's order.
func (c *Catalog) Tagged(tags []string) []Resource {
	wanted := map[string]bool{}
	var out []Resource
	for i := len(c.Resources) - 1; i >= 0; i-- { // what is required comes first
		r := c.Resources[i]
		if !wanted[r.ID] && !slices.ContainsFunc(r.Tags, func(t string) bool { return slices.Contains(tags, t) }) {
			continue
		}
		for _, id := range r.Require {
			wanted[id] = true
		}
		out = append(out, r)
	}
	slices.Reverse(out)
	return out
}
