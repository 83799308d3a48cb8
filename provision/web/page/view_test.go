package page

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision"
)

func TestClockText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0:00", 0: "0:00", 7900 * time.Millisecond: "0:07", 59 * time.Second: "0:59",
		15 * time.Minute: "15:00", 3723 * time.Second: "1:02:03", 99*time.Hour + 59*time.Minute: "99:59:00", 100 * time.Hour: "4 days",
	} {
		if got := clockText(d); got != want {
			t.Errorf("clockText(%v) = %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0 s", 840 * time.Millisecond: "0.8 s", 12600 * time.Millisecond: "13 s", 99 * time.Second: "99 s", 125 * time.Second: "2:05",
	} {
		if got := tookText(d); got != want {
			t.Errorf("tookText(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestFraction(t *testing.T) {
	for text, want := range map[string][2]float64{
		"412 of 980 MB": {412, 980}, "unpacked 3 of 12 files": {3, 12}, "57%": {57, 100}, "0.5 of 1 GB": {0.5, 1},
		"": {}, "of": {}, "1 of": {}, "of 3": {}, "5 of 0": {}, "9 of 3": {}, "-1 of 3": {}, "140%": {}, "NaN of 3": {}, "1 of Inf": {}, "most of it": {},
	} {
		done, total, ok := fraction(text)
		if ok != (want[1] > 0) || (ok && (done != want[0] || total != want[1])) {
			t.Errorf("fraction(%q) = %v of %v, %v; want %v", text, done, total, ok, want)
		}
	}
}

func FuzzFraction(f *testing.F) {
	f.Add("412 of 980 MB")
	f.Add("99%")
	f.Fuzz(func(t *testing.T, text string) {
		done, total, ok := fraction(text)
		if ok && (done < 0 || done > total || math.IsNaN(done) || math.IsInf(total, 0)) {
			t.Errorf("fraction(%q) = %v of %v", text, done, total)
		}
		if short := cut(text, 20); utf8.RuneCountInString(short) > 21 || !utf8.ValidString(short) {
			t.Errorf("cut(%q) = %q", text, short)
		}
	})
}

// letters writes segments as one word: d(one) n(ow) m(issed) s(topped), . for what is to come.
func letters(segs []string) string {
	var b strings.Builder
	for _, s := range segs {
		b.WriteByte((s + ".")[0])
	}
	return b.String()
}

func reached(stages ...provision.Stage) map[provision.Stage]time.Time {
	m := map[provision.Stage]time.Time{}
	for i, s := range stages {
		m[s] = time.Unix(1000+int64(10*i), 0)
	}
	return m
}

func toneIn(in *provision.Install) tone {
	return toneOf(provision.HostStatus{Host: "web1", Install: in}.Standing(time.Unix(2000, 0)))
}

func TestSegments(t *testing.T) {
	all := provision.Stages()
	for name, tt := range map[string]struct {
		in   *provision.Install
		want string
		tone tone
	}{
		"none":      {nil, "..............", toneIdle},
		"requested": {&provision.Install{Stage: provision.Requested, Reached: reached(all[:1]...)}, "n.............", toneWaiting},
		"packages":  {&provision.Install{Stage: provision.Packages, Reached: reached(all[:8]...)}, "dddddddn......", toneRunning},
		"missed":    {&provision.Install{Stage: provision.Kernel, Reached: reached(provision.Requested, provision.Addressed, provision.Kernel)}, "dmdmmn........", toneRunning},
		"serving":   {&provision.Install{Stage: provision.Serving, Reached: reached(all...)}, "dddddddddddddd", toneServing},
		"failed":    {&provision.Install{Stage: provision.Failed, Reached: reached(all[:7]...)}, "dddddds.......", toneFailed},
		"cancelled": {&provision.Install{Stage: provision.Cancelled, Reached: reached(all[:2]...)}, "dd............", toneCancelled},
		"nothing":   {&provision.Install{Stage: provision.Failed}, "..............", toneFailed},
		"unknown":   {&provision.Install{Stage: "odd", Reached: map[provision.Stage]time.Time{"odd": time.Unix(1, 0)}}, "..............", toneRunning},
	} {
		if got := letters(segments(tt.in)); got != tt.want || toneIn(tt.in) != tt.tone {
			t.Errorf("%s: %s %s, want %s %s", name, got, toneIn(tt.in), tt.want, tt.tone)
		}
	}
}

func TestTimeline(t *testing.T) {
	in := &provision.Install{
		Stage:     provision.Script,
		Requested: time.Unix(1000, 0), PoweredOn: time.Unix(1010, 0),
		Reached:  reached(provision.Requested, provision.Powered, provision.Addressed, provision.Script),
		Progress: "1 of 4 files",
	}
	steps := timeline(in, "", time.Unix(1050, 0))
	type row struct {
		State, Took string
		X, Width    int
	}
	var got []row
	for _, s := range steps[:6] {
		got = append(got, row{s.State, s.Took, s.X, s.Width})
	}
	want := []row{{"done", "10 s", 0, 200}, {"done", "10 s", 200, 200}, {"done", "10 s", 400, 200}, {"missed", "", 0, 0}, {"now", "20 s", 600, 400}, {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p := steps[4].Progress; p == nil || p.Done != 1 || p.Total != 4 || steps[4].Since == nil {
		t.Errorf("the stage under way: %+v", steps[4])
	}
	// A clock that went backwards, and stages seen out of order, give no nonsense.
	in.Reached[provision.Powered] = time.Unix(5000, 0)
	for _, s := range timeline(in, "", time.Unix(900, 0)) {
		if s.X < 0 || s.Width < 0 || s.X+s.Width > 1000 || strings.HasPrefix(s.Took, "-") {
			t.Errorf("%s: from %d, %d wide, took %q", s.Stage, s.X, s.Width, s.Took)
		}
	}
}

func TestStopwatch(t *testing.T) {
	now := time.Unix(2000, 0)
	budget := provision.Budget{Time: 15 * time.Minute}
	for name, tt := range map[string]struct {
		in   provision.Install
		want *stopwatch
	}{
		"not powered": {provision.Install{Stage: provision.Requested, Budget: budget}, nil},
		"runs": {
			provision.Install{Stage: provision.Kernel, PoweredOn: now.Add(-time.Minute), Budget: budget},
			&stopwatch{Text: "1:00", Since: at(now.Add(-time.Minute), now), Budget: "15:00", Seconds: 900},
		},
		"over":             {provision.Install{Stage: provision.Serving, PoweredOn: now.Add(-time.Hour), Ended: now, Budget: budget}, &stopwatch{Text: "1:00:00", Budget: "15:00", Seconds: 900, Over: true}},
		"without a budget": {provision.Install{Stage: provision.Serving, PoweredOn: now.Add(-time.Hour), Ended: now}, &stopwatch{Text: "1:00:00"}},
		"end not known":    {provision.Install{Stage: provision.Failed, PoweredOn: now.Add(-time.Hour), Budget: budget}, nil},
	} {
		if diff := cmp.Diff(tt.want, newStopwatch(&tt.in, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestHeldDetail: the page says who waits for the operator, and how to go on.
func TestHeldDetail(t *testing.T) {
	in := &provision.Install{Host: "web1", Stage: provision.Addressed, Armed: true, Held: &provision.Held{MAC: "52:54:00:00:00:01", Address: "10.77.0.11", UUID: "4c4c4544"}}
	hs := provision.HostStatus{Host: "web1", Install: in}
	want := "waits for `rackhand release web1`: is it the box with MAC 52:54:00:00:00:01, address 10.77.0.11, UUID 4c4c4544?"
	if got := viewHost(hs, time.Now()).Detail; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	in.Stage = provision.Cancelled
	if got := viewHost(hs, time.Now()).Detail; got == want {
		t.Errorf("cancelled, it still waits: %q", got)
	}
}
