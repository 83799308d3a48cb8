package page

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"rackhand/provision"
)

// A HistorySource is a Source that also has the earlier installs and jobs of hosts.
type HistorySource interface {
	// History returns the installs and jobs on record of a host, with times of day, the
	// latest first of each.
	History(ctx context.Context, host string) ([]provision.Install, error)
	// EventsOf returns the last limit events of one of them, oldest first, without those
	// that were removed.
	EventsOf(ctx context.Context, host, install string, limit int) ([]provision.Event, error)
	// Explain says why one of them failed; nil if it did not.
	Explain(ctx context.Context, host, install string) (*provision.Stuck, error)
	// Numbered returns the events with these numbers, without those that were removed.
	Numbered(ctx context.Context, seqs []uint64) ([]provision.Event, error)
}

// A pastView is an install or job in the list of a host.
type pastView struct {
	provision.Install
	Path   string
	What   string // install, rescue, wipe, burn-in
	Tone   tone
	Word   string // how it ended
	At     *moment
	Took   string // from power-on to its end
	Reason string
}

func viewPast(in provision.Install, now time.Time) pastView {
	v := pastView{
		Install: in, Path: installPath(in.Host, in.ID), What: in.Noun(), Tone: toneOfPast(in), Word: outcome(in),
		At: at(in.Requested, now), Reason: cut(in.Reason, 300),
	}
	if !in.PoweredOn.IsZero() && !in.Ended.IsZero() {
		v.Took = clockText(in.Ended.Sub(in.PoweredOn))
	}
	return v
}

// outcome is how an install or job ended and where, or its stage.
func outcome(in provision.Install) string {
	word := string(in.Stage)
	if in.Stage == provision.Failed || in.Stage == provision.Cancelled {
		if top := in.Furthest().Rank(); top >= 0 {
			word += " in " + string(provision.Stages()[top])
		}
	}
	return word
}

func toneOfPast(in provision.Install) tone {
	switch in.Stage {
	case provision.Failed:
		return toneFailed
	case provision.Cancelled:
		return toneCancelled
	case provision.Serving, provision.Done:
		return toneServing
	}
	return toneRunning
}

func installPath(host, id string) string { return hostPath(host) + "/install/" + url.PathEscape(id) }

// pastPath is the path of the page of an install or job; "" without one, or without a
// history.
func (h *Handler) pastPath(in *provision.Install) string {
	if _, ok := h.Source.(HistorySource); !ok || in == nil {
		return ""
	}
	return installPath(in.Host, in.ID)
}

// pasts are the installs and jobs of a host's page, the latest first, without the install
// that the page itself shows.
func pasts(all []provision.Install, current *provision.Install, now time.Time) []pastView {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b provision.Install) int { return cmp.Compare(b.Requested.UnixNano(), a.Requested.UnixNano()) })
	var out []pastView
	for _, in := range all {
		if current == nil || in.ID != current.ID {
			out = append(out, viewPast(in, now))
		}
	}
	return out
}

// installModel is the page of one install or job of a host, usually an earlier one.
type installModel struct {
	pastView
	HostPath string
	Latest   bool // the host's page shows it, too
	Why      *whyView
	Steps    []step
	Events   eventList
	Tail     *tailView
}

// install serves one install or job on record.
func (h *Handler) install(w http.ResponseWriter, r *http.Request) {
	now, host, id := h.Clock(), r.PathValue("name"), r.PathValue("id")
	src, ok := h.Source.(HistorySource)
	if !ok {
		h.notFound(w, r)
		return
	}
	seq, err := h.newest(r.Context())
	if err != nil {
		h.fail(w, "read the newest event", err)
		return
	}
	all, err := src.History(r.Context(), host)
	if err != nil {
		h.fail(w, "read the earlier installs", err)
		return
	}
	f := frame{Heading: cut(id, 80), Fragment: "/fragment" + installPath(host, id), Watching: host, Seq: seq, Now: now}
	i := slices.IndexFunc(all, func(in provision.Install) bool { return in.ID == id })
	if i < 0 {
		f.Heading, f.Page = "No such install", "There is no install or job "+cut(id, 80)+" of "+cut(host, 80)+" on record. Old ones are removed (keep.days)."
		h.render(w, r, http.StatusNotFound, "missing.html", f)
		return
	}
	events, err := src.EventsOf(r.Context(), host, id, eventLimit)
	stuck, err2 := src.Explain(r.Context(), host, id)
	if err := errors.Join(err, err2); err != nil {
		h.fail(w, "read an earlier install", err)
		return
	}
	m := viewInstallPage(all[i], stuck, events, now)
	m.Latest = i == slices.IndexFunc(all, func(in provision.Install) bool { return in.Job == all[i].Job })
	if m.Tail, err = h.tail(all[i], events, m.Stage == provision.Failed); err != nil {
		h.fail(w, "read the log", err)
		return
	}
	f.Page = m
	h.render(w, r, http.StatusOK, "install.html", f)
}

func viewInstallPage(in provision.Install, stuck *provision.Stuck, events []provision.Event, now time.Time) installModel {
	return installModel{
		pastView: viewPast(in, now), HostPath: hostPath(in.Host),
		Why: viewWhy(stuck, &in, in.Host, events, now), Steps: timeline(&in, "", now), Events: viewEventsOf(events, now),
	}
}
