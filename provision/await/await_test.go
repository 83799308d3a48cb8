package await_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rackhand/provision"
	"rackhand/provision/await"
)

// TestOutcome: a later stage counts, an end elsewhere is a failure, everything else goes on.
func TestOutcome(t *testing.T) {
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	in := func(stage provision.Stage) *provision.Install {
		return &provision.Install{
			ID: "web1-1", Stage: stage, Reason: "a reason", PoweredOn: at,
			Reached: map[provision.Stage]time.Time{provision.Installed: at.Add(90 * time.Second)},
		}
	}
	for _, tc := range []struct {
		in      *provision.Install
		want    provision.Stage
		outcome string
	}{
		{nil, provision.Serving, ""},
		{in(provision.Requested), provision.Serving, ""},
		{in(provision.Packages), provision.Installed, ""},
		{in(provision.Installed), provision.Installed, await.Reached},
		{in(provision.Serving), provision.Installed, await.Reached},
		{in(provision.Serving), provision.Serving, await.Reached},
		{in(provision.Failed), provision.Installed, await.Failed},
		{in(provision.Cancelled), provision.Powered, await.Failed},
	} {
		h := await.Outcome(provision.HostStatus{Host: "web1", Install: tc.in}, tc.want)
		if h.Outcome != tc.outcome || (h.Reason != "") != (tc.outcome == await.Failed) {
			t.Errorf("%+v for %s: %+v, want %q", tc.in, tc.want, h, tc.outcome)
		}
		if tc.outcome == await.Reached && tc.want == provision.Installed && h.Seconds != 90 {
			t.Errorf("%g seconds", h.Seconds)
		}
	}
}

// An appliance plays a script: each status is answered with the next stages, and each watch
// ends as the script says.
type appliance struct {
	stages  []map[string]provision.Stage // "" is an error
	watches []error                      // nil: an event of web1 comes
	asked   []uint64
	paused  int
}

func (a *appliance) status(context.Context) (provision.Status, error) {
	now := a.stages[0]
	if len(a.stages) > 1 {
		a.stages = a.stages[1:]
	}
	st := provision.Status{Seq: uint64(10 * len(a.stages))}
	if now == nil {
		return st, errors.New("gone")
	}
	for host, stage := range now {
		st.Hosts = append(st.Hosts, provision.HostStatus{Host: host, Install: &provision.Install{ID: host + "-1", Stage: stage, Reason: "why"}})
	}
	return st, nil
}

func (a *appliance) watch(ctx context.Context, after uint64, each func(provision.Event) bool) (uint64, error) {
	a.asked = append(a.asked, after)
	if len(a.watches) == 0 {
		<-ctx.Done()
		return after, ctx.Err()
	}
	err := a.watches[0]
	a.watches = a.watches[1:]
	for _, e := range []provision.Event{{Host: "web9", Stage: provision.Serving}, {Host: "web1", Source: "dhcp"}} {
		if !each(e) {
			return after, fmt.Errorf("moved by %+v", e)
		}
	}
	if err == nil && each(provision.Event{Host: "web1", Stage: provision.Installed}) {
		return after, errors.New("not moved")
	}
	return after, err
}

func TestRun(t *testing.T) {
	at := func(web1, web2 provision.Stage) map[string]provision.Stage {
		return map[string]provision.Stage{"web1": web1, "web2": web2}
	}
	for name, tc := range map[string]struct {
		a       appliance
		want    map[string]string
		notes   []string
		paused  int
		watched int
		err     string
	}{
		"there already": {
			a: appliance{stages: []map[string]provision.Stage{at("serving", "serving")}}, want: map[string]string{"web1": "reached", "web2": "reached"},
			notes: []string{"web1", "web2"},
		},
		"one fails, one comes": {
			a:    appliance{stages: []map[string]provision.Stage{at("packages", "failed"), at("booted", "failed"), at("serving", "failed")}, watches: []error{nil, nil}},
			want: map[string]string{"web1": "reached", "web2": "failed"}, notes: []string{"web2", "web1"}, watched: 2,
		},
		"a restart": {
			a:    appliance{stages: []map[string]provision.Stage{at("packages", "serving"), nil, at("packages", "serving"), at("serving", "serving")}, watches: []error{io.EOF, nil}},
			want: map[string]string{"web1": "reached", "web2": "reached"}, notes: []string{"web2", "web1"}, paused: 2, watched: 2,
		},
		"timeout":              {a: appliance{stages: []map[string]provision.Stage{at("packages", "serving")}}, want: map[string]string{"web1": "timeout", "web2": "reached"}, notes: []string{"web2"}, watched: 1},
		"no appliance":         {a: appliance{stages: []map[string]provision.Stage{nil}}, want: map[string]string{"web1": "timeout", "web2": "timeout"}, err: "gone"},
		"a host leaves":        {a: appliance{stages: []map[string]provision.Stage{at("packages", "serving"), {"web2": "serving"}}, watches: []error{nil}}, want: map[string]string{"web1": "timeout", "web2": "reached"}, notes: []string{"web2"}, watched: 1, err: "web1: it is not in the inventory"},
		"not in the inventory": {a: appliance{stages: []map[string]provision.Stage{{"web1": "serving"}}}, want: map[string]string{"web1": "reached", "web2": "timeout"}, notes: []string{"web1"}, err: "web2: it is not in the inventory"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if name != "timeout" {
				ctx = t.Context()
			}
			defer cancel()
			var notes []string
			a := &tc.a
			r, err := await.Run(ctx, await.Options{
				Hosts: []string{"web1", "web2"}, For: provision.Serving, Status: a.status, Watch: a.watch,
				Pause: func(ctx context.Context) error { a.paused++; return ctx.Err() },
				Note:  func(h await.Host) { notes = append(notes, h.Host) }, Lost: func(error) {},
			})
			if got := fmt.Sprint(err); err != nil && got != tc.err || err == nil && tc.err != "" {
				t.Errorf("error %v, want %q", err, tc.err)
			}
			got := map[string]string{}
			for _, h := range r.Hosts {
				got[h.Host] = h.Outcome
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.notes, notes); diff != "" || a.paused != tc.paused || len(a.asked) != tc.watched {
				t.Errorf("paused %d, watched %d; notes %s", a.paused, len(a.asked), diff)
			}
		})
	}
}
