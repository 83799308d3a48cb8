package page

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/reports"
)

// eventLimit is how many of a host's events its page shows.
const eventLimit = 200

// hostModel is the page of one host.
type hostModel struct {
	hostView
	Steps  []step      // empty without an install
	Events []eventView // newest first
	More   bool        // there may be older ones
	Limit  int
	Armed  string  // whether and until when it is armed, in one sentence
	Log    string  // path of the installer's log, or ""
	Facts  []field // what its agent says of it
}

// host serves one host, or the unclaimed box with that MAC. A box that was
// claimed meanwhile is found by its MAC and leads to its new name.
func (h *Handler) host(w http.ResponseWriter, r *http.Request) {
	now := h.Clock()
	name := r.PathValue("name")
	seq, hosts, ok := h.hosts(w, r)
	if !ok {
		return
	}
	i := slices.IndexFunc(hosts, func(hs provision.HostStatus) bool { return hs.Host == name })
	if i < 0 {
		if i = slices.IndexFunc(hosts, func(hs provision.HostStatus) bool { return slices.Contains(hs.MACs, name) }); i >= 0 {
			to := hostPath(hosts[i].Host)
			if strings.HasPrefix(r.URL.Path, "/fragment/") {
				to = "/fragment" + to
			}
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		h.render(w, r, http.StatusNotFound, "missing.html", frame{
			Heading: "No such host", Fragment: "/fragment" + hostPath(name), Watching: name, Seq: seq, Now: now,
			Page: "There is no host " + cut(name, 80) + " in the inventory, and no unclaimed box with that MAC was seen.",
		})
		return
	}
	events, err := h.Source.Events(r.Context(), name, eventLimit)
	if err != nil {
		h.fail(w, "read the events", err)
		return
	}
	page := viewHostPage(hosts[i], events, now)
	page.Log = h.logPath(hosts[i])
	if src, ok := h.Source.(ReportSource); ok && page.Report != nil {
		switch k, err := src.Report(r.Context(), name); {
		case err == nil:
			page.Report.add(k)
		case !errors.Is(err, reports.ErrNone):
			h.fail(w, "read the last report", err)
			return
		}
	}
	if src, ok := h.Source.(FactSource); ok {
		facts, err := src.Facts(r.Context(), name)
		if err != nil {
			h.fail(w, "read the facts", err)
			return
		}
		page.Facts = viewFacts(facts)
	}
	h.render(w, r, http.StatusOK, "host.html", frame{
		Heading: name, Fragment: "/fragment" + hostPath(name), Watching: name, Seq: seq, Now: now, Every: staleAfter,
		Page: page,
	})
}

// viewHostPage makes the model of a host's page from the host and its events, oldest first.
func viewHostPage(hs provision.HostStatus, events []provision.Event, now time.Time) hostModel {
	m := hostModel{hostView: viewHost(hs, now), More: len(events) >= eventLimit, Limit: eventLimit}
	for _, e := range slices.Backward(events) {
		m.Events = append(m.Events, viewEvent(e, now))
	}
	in := hs.Install
	if in == nil {
		return m
	}
	m.Steps = timeline(in, now)
	switch {
	case in.Stage.Ended():
		m.Armed = "no"
	case in.Armed:
		m.Armed = "yes"
	default:
		m.Armed = "no: the box doesn't get the installer again"
	}
	return m
}
