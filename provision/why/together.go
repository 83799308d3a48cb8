package why

import (
	"cmp"
	"slices"
	"time"

	"rackhand/provision"
)

// A Box is a stuck host and the links on which its cable may end.
type Box struct {
	Host  string
	Stuck *provision.Stuck // nil: it gets on
	// Links are its links, the nearest first: the switch as its relay names it, the network.
	Links []string
	// Place is where a box is that gets on.
	Place provision.Stage
}

const (
	// boxesForLink is how many boxes must have stopped alike before it is the link.
	boxesForLink = 3
	// alikeWithin is the time within which they must have stopped.
	alikeWithin = 10 * time.Minute
)

// Together finds boxes that stopped at the same place of the same link within minutes, by a
// rule whose cause can be a link's. Each of them gets the link's cause, and the names of
// all. The boxes given are not changed.
func Together(boxes []Box) ([]provision.LinkStuck, map[string]*provision.Stuck) {
	type key struct{ link, rule, cause string }
	groups := map[key][]Box{}
	for _, b := range boxes {
		if b.Stuck == nil || !sharable(b.Stuck.Rule) {
			continue
		}
		same := ""
		if sameCause(b.Stuck.Rule) {
			same = b.Stuck.Cause()
		}
		for _, l := range b.Links {
			k := key{l, b.Stuck.Rule, same}
			groups[k] = append(groups[k], b)
		}
	}
	keys := make([]key, 0, len(groups))
	for k := range groups {
		keys = append(keys, k)
	}
	// The nearest link first is the one with the fewest boxes that has all of them.
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(len(groups[b])-len(groups[a]), nearness(boxes, a.link)-nearness(boxes, b.link), cmp.Compare(a.link, b.link), cmp.Compare(a.rule, b.rule), cmp.Compare(a.cause, b.cause))
	})
	var out []provision.LinkStuck
	of := map[string]*provision.Stuck{}
	for _, k := range keys {
		group := slices.DeleteFunc(closeInTime(groups[k]), func(b Box) bool { return of[b.Host] != nil })
		if len(group) < boxesForLink || k.cause == "" && passed(boxes, k.link, k.rule) >= len(group) {
			continue
		}
		names := make([]string, 0, len(group))
		for _, b := range group {
			names = append(names, b.Host)
		}
		slices.SortFunc(names, provision.CompareNames)
		first := *group[0].Stuck
		if k.cause == "" {
			first.Causes, first.Remedy = linkCause(k.rule)
		}
		first.Boxes, first.Link = names, k.link
		first.Evidence = nil
		for _, b := range group {
			if b.Stuck.Since.Before(first.Since) {
				first.Since = b.Stuck.Since
			}
			if n := len(b.Stuck.Evidence); n > 0 && len(first.Evidence) < 16 {
				first.Evidence = append(first.Evidence, b.Stuck.Evidence[n-1])
			}
			own := *b.Stuck
			own.Causes, own.Remedy, own.Boxes, own.Link = first.Causes, first.Remedy, names, k.link
			of[b.Host] = &own
		}
		slices.Sort(first.Evidence)
		out = append(out, provision.LinkStuck{Link: k.link, Hosts: names, Stuck: &first})
	}
	return out, of
}

// passed is how many boxes on a link get on and are further than a rule's: the link carries
// them.
func passed(boxes []Box, link, rule string) (n int) {
	beyond := provision.Addressed
	switch rule {
	case "nothing-asked", "answers-lost", "transfer-loss":
		beyond = provision.Script
	case "kernel-breaks", "initramfs-silent":
		beyond = provision.Installer
	}
	for _, b := range boxes {
		if b.Stuck == nil && b.Place.Rank() >= beyond.Rank() && slices.Contains(b.Links, link) {
			n++
		}
	}
	return n
}

// nearness is the place of a link in the lists of the boxes: 0 for the nearest.
func nearness(boxes []Box, link string) int {
	for _, b := range boxes {
		if i := slices.Index(b.Links, link); i >= 0 {
			return i
		}
	}
	return 0
}

// closeInTime returns the most boxes that stopped within alikeWithin of each other.
func closeInTime(boxes []Box) []Box {
	sorted := slices.Clone(boxes)
	slices.SortStableFunc(sorted, func(a, b Box) int {
		return cmp.Or(a.Stuck.Since.Compare(b.Stuck.Since), provision.CompareNames(a.Host, b.Host))
	})
	var best []Box
	for i, j := 0, 0; i < len(sorted); i++ {
		for j < len(sorted) && sorted[j].Stuck.Since.Sub(sorted[i].Stuck.Since) <= alikeWithin {
			j++
		}
		if j-i > len(best) {
			best = sorted[i:j]
		}
	}
	return slices.Clone(best)
}
