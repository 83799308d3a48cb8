package page

import (
	"time"

	"rackhand/provision"
)

// A step is a stage of one host's journey, as the timeline shows it.
type step struct {
	Stage   provision.Stage
	Meaning string
	State   string // done, now, stopped, missed, or "" for what is to come
	Word    string // the state in words, for readers who can't see its colour and shape
	At      *moment
	Took    string  // until the next stage; empty for the last one
	Since   *moment // of the stage that runs now: its clock ticks
	// X and Width are its share of the journey's time, in thousandths.
	X, Width int
	Progress *progress
}

// A progress is the installer's last report within a stage.
type progress struct {
	Text        string
	Done, Total float64 // Total is 0 if the text has no fraction
}

func newProgress(text string) *progress {
	if text == "" {
		return nil
	}
	p := &progress{Text: cut(text, 120)}
	if done, total, ok := fraction(text); ok {
		p.Done, p.Total = done, total
	}
	return p
}

// timeline lays out the journey of an install as it stands at now. The scale runs
// from the first stage that was reached to the end, or to now. place is the stage of a box
// that has booted again in the middle of the install; "" otherwise. A job ends at the
// installer's stage.
func timeline(in *provision.Install, place provision.Stage, now time.Time) []step {
	stages := provision.Stages()
	if in.Job != provision.NoJob {
		stages = stages[:provision.Installer.Rank()+1]
	}
	segs := segmentsAt(in, place)
	start, end := span(in, now)
	steps := make([]step, len(stages))
	for i, s := range stages {
		st := step{Stage: s, Meaning: meaning(s), State: segs[i], Word: stateWord(segs[i])}
		reached, seen := in.Reached[s]
		if seen && st.State != "" {
			st.At = at(reached, now)
			until, more := nextReached(in, i)
			switch {
			case !more && st.State == "now":
				st.Since = st.At
				st.Progress = newProgress(in.Progress)
				until = now
			case !more:
				until = in.Ended
			}
			if !until.IsZero() && s != provision.Serving {
				st.Took = tookText(until.Sub(reached))
				st.X = thousandths(reached.Sub(start), end.Sub(start))
				st.Width = max(3, thousandths(until.Sub(start), end.Sub(start))-st.X) // 3: to be seen at all
				st.X = min(st.X, 1000-st.Width)
			}
		}
		steps[i] = st
	}
	return steps
}

// segmentsAt are the segments for a box that is at place again. What it had reached beyond
// that is "before": done in this attempt, before the box booted again.
func segmentsAt(in *provision.Install, place provision.Stage) []string {
	segs := segments(in)
	back := place.Rank()
	if place == "" || back < 0 || back >= in.Furthest().Rank() || !in.UnderWay() {
		return segs
	}
	segs[back] = "again"
	for i := back + 1; i < len(segs); i++ {
		if segs[i] == "done" || segs[i] == "now" {
			segs[i] = "before"
		}
	}
	return segs
}

// markStuck marks the step at which a stuck box is.
func markStuck(steps []step) {
	for i := range steps {
		if st := &steps[i]; st.State == "now" {
			st.State, st.Word = "stuck", stateWord("stuck")
		}
	}
}

// span is the time that the timeline covers.
func span(in *provision.Install, now time.Time) (start, end time.Time) {
	end = now
	if !in.Ended.IsZero() {
		end = in.Ended
	}
	start = end
	for _, t := range in.Reached {
		if t.Before(start) {
			start = t
		}
	}
	return start, end
}

// nextReached is when the install left stage i: the earliest time at which it
// reached a later stage. A stage that was seen out of order took no time.
func nextReached(in *provision.Install, i int) (time.Time, bool) {
	for _, s := range provision.Stages()[i+1:] {
		if t, ok := in.Reached[s]; ok {
			return t, true
		}
	}
	return time.Time{}, false
}

func thousandths(part, whole time.Duration) int {
	if whole <= 0 {
		return 0
	}
	return min(1000, max(0, int(1000*part.Seconds()/whole.Seconds())))
}

func stateWord(state string) string {
	switch state {
	case "done":
		return "done"
	case "now":
		return "under way"
	case "stopped":
		return "stopped here"
	case "missed":
		return "not seen"
	case "stuck":
		return "stuck here"
	case "again":
		return "the box is here again"
	case "before":
		return "reached before the box booted again"
	}
	return "to come"
}
