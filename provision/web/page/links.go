package page

import (
	"slices"
	"strings"
	"time"

	"rackhand/provision"
)

// A linkView is a finding about a link: several boxes with one cause.
type linkView struct {
	ID    string
	Link  string
	Boxes []string
	Folds bool // the names are many
	Stuck *provision.Stuck
	Since *moment
}

// linksOf are the findings about links that some of these hosts share, in the order of the
// hosts.
func linksOf(hosts []provision.HostStatus, now time.Time) []linkView {
	var out []linkView
	for _, hs := range hosts {
		id := sameAs(hs)
		if id == "" || slices.ContainsFunc(out, func(l linkView) bool { return l.ID == id }) {
			continue
		}
		s := hs.Stuck
		out = append(out, linkView{ID: id, Link: cut(s.Link, 80), Boxes: s.Boxes, Folds: len(s.Boxes) > foldAbove, Stuck: s, Since: at(s.Since, now)})
	}
	return out
}

// sameAs is the id of the finding about a link that has a host's cause; "" when the cause is
// its own. One link may have several findings by one rule, each with other boxes. An id has no
// spaces (HTML, 3.2.6).
func sameAs(hs provision.HostStatus) string {
	if hs.Stuck == nil || len(hs.Stuck.Boxes) == 0 {
		return ""
	}
	return strings.Join(strings.Fields("link "+hs.Stuck.Rule+" "+cut(hs.Stuck.Link, 80)+" "+cut(hs.Stuck.Boxes[0], 80)), "-")
}
