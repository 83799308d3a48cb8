package page

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"rackhand/provision"
)

const (
	// newFor is how long an unclaimed box counts as new after it was seen last. Older ones
	// are in a group at the end.
	newFor = time.Hour
	// foldAbove is the number of serving hosts above which their group is folded, and the
	// number of boxes of a link above which their names are.
	foldAbove = 20
)

// overviewModel is the page of all hosts.
type overviewModel struct {
	Problems []string
	Tally    []count // of the standings, under the filter without its state
	Links    []linkView
	Groups   []group
	Filter   filter
	Choices  choices
	Shown    int  // hosts and boxes that the filter matches
	Hosts    int  // hosts of the inventory
	Partial  bool // only some rows are there
}

// A count is the number of hosts with a standing.
type count struct {
	Slug, Title string
	Tone        tone
	N           int
	Chosen      bool
	Path        string // of the page with this state as its filter, or without it when it is chosen
}

// A group is the hosts that stand alike, in the order of their names.
type group struct {
	Slug, Title string
	Tone        tone
	Count       int // of its hosts, also of those that a partial page leaves out
	Open        bool
	Rows        []row
}

// A row is a host in its group.
type row struct {
	hostView
	// After is the id of the row before it, for a partial page; "" for the first one.
	After string
	// SameAs is the id of the finding that has its cause; "" when the cause is its own.
	SameAs string
}

// Because reports whether the row has a second line.
func (r row) Because() bool { return r.Unclaimed || r.Stuck != nil || r.Tone == toneFailed }

// ShowsBar reports whether the stages tell more than the badge does.
func (r row) ShowsBar() bool {
	return r.Install != nil && r.Tone != toneServing && r.Tone != toneLook
}

// overview serves all hosts. The fragment with ?partial and ?host=NAME... has
// only the rows of those hosts: one box that installs among 500 costs one row.
func (h *Handler) overview(w http.ResponseWriter, r *http.Request) {
	seq, hosts, ok := h.hosts(w, r)
	if !ok {
		return
	}
	query, now := r.URL.Query(), h.Clock()
	model := viewOverview(hosts, filterOf(query), query.Has("partial"), query["host"], now)
	model.Problems = h.Source.Problems()
	h.render(w, r, http.StatusOK, "overview.html", frame{
		Heading: "Hosts", Fragment: "/fragment/hosts" + model.Filter.query(), Seq: seq, Now: now, Every: staleAfter, Reload: 20, Page: model,
	})
}

// viewOverview makes the model from hosts, sorted as SortHosts does. A partial one has only
// the rows of those asked for.
func viewOverview(hosts []provision.HostStatus, f filter, partial bool, asked []string, now time.Time) overviewModel {
	m := overviewModel{Filter: f, Partial: partial}
	if !partial {
		m.Choices = choicesOf(hosts, f)
	}
	groups, tally := map[string]*group{}, map[string]int{}
	last := map[string]string{} // the id of the latest row of each group
	var matched []provision.HostStatus
	for _, hs := range hosts {
		standing := hs.Standing(now)
		if !hs.Unclaimed {
			m.Hosts++
		}
		if !f.matches(hs) {
			continue
		}
		tally[slugOf(standing)]++
		if f.State != "" && f.State != slugOf(standing) {
			continue
		}
		m.Shown++
		matched = append(matched, hs)
		g := groupOf(hs, standing, now)
		if groups[g.Slug] == nil {
			groups[g.Slug] = &g
		}
		at := groups[g.Slug]
		at.Count++
		switch {
		case !partial:
			at.Rows = append(at.Rows, row{hostView: viewHost(hs, now), SameAs: sameAs(hs)})
		case slices.Contains(asked, hs.Host):
			at.Rows = append(at.Rows, row{hostView: viewHost(hs, now), SameAs: sameAs(hs), After: last[at.Slug]})
		}
		last[at.Slug] = idOf(hs.Host)
	}
	m.Links = linksOf(matched, now)
	for _, s := range provision.Standings() {
		m.addGroup(groups[slugOf(s)])
		if n := tally[slugOf(s)]; n > 0 || s == provision.StandsServing || f.State == slugOf(s) {
			m.Tally = append(m.Tally, countOf(s, n, f))
		}
	}
	m.addGroup(groups[oldSlug])
	return m
}

func (m *overviewModel) addGroup(g *group) {
	if g == nil {
		return
	}
	g.Open = m.Filter.Any() || g.Slug != oldSlug && (g.Tone != toneServing || g.Count <= foldAbove)
	m.Groups = append(m.Groups, *g)
}

// oldSlug names the group of unclaimed boxes that aren't new.
const oldSlug = "unclaimed-earlier"

// groupOf is the group of a host, still empty.
func groupOf(hs provision.HostStatus, s provision.Standing, now time.Time) group {
	if hs.Unclaimed && now.Sub(hs.LastSeen) > newFor {
		return group{Slug: oldSlug, Title: "unclaimed, not seen for an hour", Tone: toneUnclaimed}
	}
	return group{Slug: slugOf(s), Title: string(s), Tone: toneOf(s)}
}

func countOf(s provision.Standing, n int, f filter) count {
	c := count{Slug: slugOf(s), Title: string(s), Tone: toneOf(s), N: n, Chosen: f.State == slugOf(s)}
	if f.State = c.Slug; c.Chosen {
		f.State = ""
	}
	c.Path = "/" + f.query()
	return c
}

// hosts returns the hosts for a page, worst first, and the Seq of the newest event. Without
// them it answers with an error, and ok is false.
func (h *Handler) hosts(w http.ResponseWriter, r *http.Request) (seq uint64, hosts []provision.HostStatus, ok bool) {
	st, err := h.status(r.Context())
	if err != nil {
		h.fail(w, "read the hosts", err)
		return 0, nil, false
	}
	return st.seq, st.hosts, true
}

// newest is the Seq of the newest event, or 0.
func (h *Handler) newest(ctx context.Context) (uint64, error) {
	events, err := h.Source.Events(ctx, "", 1)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return events[len(events)-1].Seq, nil
}

// choices are what the selects of the filter offer, in natural order.
type choices struct{ States, Roles, Systems, Racks []choice }

type choice struct {
	Value, Text string
	Chosen      bool
}

func choicesOf(hosts []provision.HostStatus, f filter) choices {
	roles, systems, racks := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, hs := range hosts {
		for _, role := range hs.Roles {
			roles[role] = true
		}
		systems[hs.System], racks[rackOf(hs)] = true, true
	}
	list := func(of map[string]bool, chosen string) (out []choice) {
		if chosen != "" {
			of[chosen] = true // it stays chosen when no host has it any more
		}
		delete(of, "")
		for _, v := range slices.SortedFunc(maps.Keys(of), provision.CompareNames) {
			out = append(out, choice{v, cut(v, 60), v == chosen})
		}
		return out
	}
	c := choices{Roles: list(roles, f.Role), Systems: list(systems, f.System), Racks: list(racks, f.Rack)}
	for _, s := range provision.Standings() {
		c.States = append(c.States, choice{slugOf(s), string(s), f.State == slugOf(s)})
	}
	return c
}
