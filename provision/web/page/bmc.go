package page

import (
	"context"
	"net/http"
	"slices"
	"time"

	"rackhand/provision"
)

// An AuditSource is a Source that also has the audits of BMCs.
type AuditSource interface {
	// LastAudit returns the latest audit of all BMCs; ok is false without one.
	LastAudit(ctx context.Context) (a provision.Audit, ok bool, err error)
}

// auditModel is the page of the latest audit of BMCs.
type auditModel struct {
	At       *moment // nil: there was none
	BMCs     int
	Factory  bool
	Tally    []auditCount
	Findings []findingView
}

type auditCount struct {
	Tone tone
	Text string
}

type findingView struct {
	provision.Finding
	Tone  tone
	Folds bool // the BMCs are many
}

// bmcs serves the findings of the latest audit of BMCs, worst first.
func (h *Handler) bmcs(w http.ResponseWriter, r *http.Request) {
	seq, err := h.newest(r.Context())
	if err != nil {
		h.fail(w, "read the newest event", err)
		return
	}
	var m auditModel
	now := h.Clock()
	if s, ok := h.Source.(AuditSource); ok {
		a, ok, err := s.LastAudit(r.Context())
		if err != nil {
			h.fail(w, "read the audit of BMCs", err)
			return
		}
		if ok {
			m = viewAudit(a, now)
		}
	}
	h.render(w, r, http.StatusOK, "bmc.html", frame{
		Heading: "BMCs", Fragment: "/fragment/bmc", Seq: seq, Now: now, Reload: 60, Page: m,
	})
}

func viewAudit(a provision.Audit, now time.Time) auditModel {
	m := auditModel{At: at(a.At, now), BMCs: a.BMCs, Factory: a.Factory}
	for _, s := range provision.Severities() {
		if n := a.Count(s); n > 0 {
			m.Tally = append(m.Tally, auditCount{severityTone(s), s.Counted(n)})
		}
	}
	for _, f := range a.Findings {
		f.BMCs = slices.Clone(f.BMCs)
		for i := range f.BMCs {
			f.BMCs[i].Detail = cut(f.BMCs[i].Detail, 200) // the BMC's own words, perhaps
		}
		m.Findings = append(m.Findings, findingView{f, severityTone(f.Severity), len(f.BMCs) > foldAbove})
	}
	return m
}

func severityTone(s provision.Severity) tone {
	switch s {
	case provision.Critical:
		return toneFailed
	case provision.Warning:
		return toneLook
	}
	return toneIdle
}
