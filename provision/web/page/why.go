package page

import (
	"time"

	"rackhand/provision"
)

// A whyView says why a host is stuck, or why its install failed.
type whyView struct {
	Title    string
	Tone     tone
	Causes   []provision.Cause
	Since    *moment
	For      *moment // since when its clock runs; nil once the install has ended
	Elapsed  string  // until now
	Last     *seenView
	Expected *expectedView
	Evidence []evidence
	Remedy   provision.Remedy
	Link     string // of several boxes
	Boxes    []boxLink
}

// A seenView is what the box did last. Shown: its event is on the page.
type seenView struct {
	Text  string
	At    *moment
	Seq   uint64
	Shown bool
}

type expectedView struct {
	Text string
	By   *moment
}

// evidence is an event by its number. Shown: it is on the page.
type evidence struct {
	Seq   uint64
	Shown bool
}

type boxLink struct{ Host, Path string }

const (
	// maxWhyText bounds the texts of a diagnosis, which quote what a box says.
	maxWhyText = 1000
	// maxEvidence and maxBoxes bound its lists.
	maxEvidence = 50
	maxBoxes    = 500
)

// viewWhy makes the view of a diagnosis of an install or job; nil without one. events are
// those on the page.
func viewWhy(s *provision.Stuck, in *provision.Install, host string, events []provision.Event, now time.Time) *whyView {
	if s == nil || in == nil {
		return nil
	}
	shown := map[uint64]bool{}
	for _, e := range events {
		shown[e.Seq] = true
	}
	v := &whyView{
		Title: "Why the " + in.Noun() + " is stuck", Tone: toneStuck,
		Since: at(s.Since, now), For: at(s.Since, now), Elapsed: clockText(now.Sub(s.Since)), Link: cut(s.Link, 120),
		Remedy: provision.Remedy{Text: cut(s.Remedy.Text, maxWhyText), Command: cut(s.Remedy.Command, maxWhyText)},
	}
	if in.Stage.Ended() {
		v.Title, v.Tone, v.For, v.Elapsed = "Why the "+in.Noun()+" failed", toneFailed, nil, ""
	}
	for _, c := range s.Causes {
		v.Causes = append(v.Causes, provision.Cause{Text: cut(c.Text, maxWhyText), Decider: cut(c.Decider, maxWhyText)})
	}
	if l := s.Last; l != nil {
		v.Last = &seenView{cut(l.Text, maxWhyText), at(l.Time, now), l.Seq, shown[l.Seq]}
	}
	if e := s.Expected; e != nil {
		v.Expected = &expectedView{cut(e.Text, maxWhyText), at(e.By, now)}
	}
	for _, seq := range s.Evidence[:min(len(s.Evidence), maxEvidence)] {
		v.Evidence = append(v.Evidence, evidence{seq, shown[seq]})
	}
	for _, name := range s.Boxes[:min(len(s.Boxes), maxBoxes)] {
		if name != host {
			v.Boxes = append(v.Boxes, boxLink{cut(name, 80), hostPath(name)})
		}
	}
	return v
}

// explained is the install or job that a host's diagnosis is about: the job while one is
// under way.
func explained(hs provision.HostStatus) *provision.Install {
	if hs.Job.UnderWay() {
		return hs.Job
	}
	return hs.Install
}
