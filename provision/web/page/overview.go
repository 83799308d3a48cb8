package page

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"rackhand/provision"
)

// overviewModel is the page of all hosts.
type overviewModel struct {
	Problems  []string
	Hosts     []hostView
	Unclaimed []hostView
	Attention []hostView // installs that failed
	Tally     tally
}

// overview serves all hosts. The fragment with ?partial and ?host=NAME... has
// only the rows of those hosts: one box that installs among 500 costs one row.
func (h *Handler) overview(w http.ResponseWriter, r *http.Request) {
	now := h.Clock()
	seq, hosts, ok := h.hosts(w, r)
	if !ok {
		return
	}
	hosts = slices.Clone(hosts)
	slices.SortFunc(hosts, func(a, b provision.HostStatus) int {
		return cmp.Or(naturally(a.Host, b.Host), cmp.Compare(a.Host, b.Host))
	})
	var all []hostView
	for _, hs := range hosts {
		all = append(all, viewHost(hs, now))
	}
	model := overviewModel{Problems: h.Source.Problems(), Tally: count(all)}
	query := r.URL.Query()
	only := query["host"]
	for _, v := range all {
		switch {
		case v.Unclaimed:
			model.Unclaimed = append(model.Unclaimed, v)
		case !query.Has("partial") || slices.Contains(only, v.Host):
			model.Hosts = append(model.Hosts, v)
		}
		if v.Tone == toneFailed {
			model.Attention = append(model.Attention, v)
		}
	}
	h.render(w, r, http.StatusOK, "overview.html", frame{
		Heading: "Hosts", Fragment: "/fragment/hosts", Seq: seq, Now: now, Every: staleAfter, Page: model,
	})
}

// hosts reads the hosts for a page, and the Seq of the newest event. Without them it answers
// with an error, and ok is false.
func (h *Handler) hosts(w http.ResponseWriter, r *http.Request) (seq uint64, hosts []provision.HostStatus, ok bool) {
	seq, err := h.newest(r.Context()) // before the hosts: an event in between is sent twice, not lost
	if err != nil {
		h.fail(w, "read the newest event", err)
		return 0, nil, false
	}
	if hosts, err = h.Source.Hosts(r.Context()); err != nil {
		h.fail(w, "read the hosts", err)
		return 0, nil, false
	}
	return seq, hosts, true
}

// newest is the Seq of the newest event, or 0.
func (h *Handler) newest(ctx context.Context) (uint64, error) {
	events, err := h.Source.Events(ctx, "", 1)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return events[len(events)-1].Seq, nil
}
