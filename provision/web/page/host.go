package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rackhand/provision"
	"rackhand/provision/reports"
)

// hostModel is the page of one host.
type hostModel struct {
	hostView
	Why         *whyView // why it is stuck or failed; nil: nothing is wrong
	Steps       []step   // empty without an install
	Events      eventList
	Armed       string   // whether and until when it is armed, in one sentence
	Log         string   // path of the installer's log, or ""
	InstallPath string   // of the page of the latest install; "" without a history
	JobPath     string   // of the latest job
	Facts       []field  // what its agent says of it
	NoFacts     bool     // its agent could have sent some, and has not
	BMCView     *bmcView // as it was polled; nil: it wasn't
	Past        []pastView
	Tail        *tailView
}

// pastShown is how many earlier installs a host's page shows at once. The others are folded.
const pastShown = 10

// PastFirst and PastRest are the parts of Past that are shown, and folded.
func (m hostModel) PastFirst() []pastView { return m.Past[:min(len(m.Past), pastShown)] }

// PastRest is the other part.
func (m hostModel) PastRest() []pastView { return m.Past[min(len(m.Past), pastShown):] }

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
	page, err := h.hostModel(r.Context(), hosts[i], now)
	if err != nil {
		h.fail(w, "make the page of a host", err)
		return
	}
	h.render(w, r, http.StatusOK, "host.html", frame{
		Heading: name, Fragment: "/fragment" + hostPath(name), Watching: name, Seq: seq, Now: now, Every: staleAfter,
		Page: page,
	})
}

// hostModel reads what a host's page needs.
func (h *Handler) hostModel(ctx context.Context, hs provision.HostStatus, now time.Time) (hostModel, error) {
	events, err := h.Source.Events(ctx, hs.Host, eventLimit)
	if err != nil {
		return hostModel{}, fmt.Errorf("read the events: %w", err)
	}
	more := len(events) >= eventLimit
	var past []provision.Install
	if src, ok := h.Source.(HistorySource); ok {
		older, err := src.Numbered(ctx, missing(hs.Stuck, events))
		if err != nil {
			return hostModel{}, fmt.Errorf("read the evidence: %w", err)
		}
		events = withEvidence(events, older)
		if past, err = src.History(ctx, hs.Host); err != nil {
			return hostModel{}, fmt.Errorf("read the earlier installs: %w", err)
		}
	}
	m := viewHostPage(hs, events, more, now)
	m.Past = pasts(past, hs.Install, now)
	if in := explained(hs); in != nil {
		m.Log = h.logPath(in)
		if m.Tail, err = h.tail(*in, events, m.Why != nil); err != nil {
			return hostModel{}, fmt.Errorf("read the log: %w", err)
		}
	}
	m.InstallPath, m.JobPath = h.pastPath(hs.Install), h.pastPath(hs.Job)
	if src, ok := h.Source.(ReportSource); ok && m.Report != nil {
		switch k, err := src.Report(ctx, hs.Host); {
		case err == nil:
			m.Report.add(k)
		case !errors.Is(err, reports.ErrNone):
			return hostModel{}, fmt.Errorf("read the last report: %w", err)
		}
	}
	if src, ok := h.Source.(BMCSource); ok {
		if latest, ok := src.BMC(hs.Host); ok {
			m.BMCView = viewBMC(latest, now)
		}
	}
	if src, ok := h.Source.(FactSource); ok {
		facts, err := src.Facts(ctx, hs.Host)
		if err != nil {
			return hostModel{}, fmt.Errorf("read the facts: %w", err)
		}
		m.Facts = viewFacts(facts)
		m.NoFacts = len(m.Facts) == 0 && hs.Install != nil && hs.Install.Stage == provision.Serving
	}
	return m, nil
}

// viewHostPage makes the model of a host's page from the host and its events, oldest first.
// more: there may be older ones.
func viewHostPage(hs provision.HostStatus, events []provision.Event, more bool, now time.Time) hostModel {
	m := hostModel{hostView: viewHost(hs, now), Events: viewEvents(events, more, now)}
	if len(events) == 0 && !hs.Unclaimed {
		m.Events.Next = "rackhand watch " + hs.Host
	}
	m.Why = viewWhy(hs.Stuck, explained(hs), hs.Host, events, now)
	in := hs.Install
	if in == nil {
		return m
	}
	place := hs.Place
	if hs.Job.UnderWay() {
		place = "" // of the job
	}
	m.Steps = timeline(in, place, now)
	if m.Why != nil && in.UnderWay() {
		markStuck(m.Steps)
	}
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
