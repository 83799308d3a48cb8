package orders

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
)

// TestDecisions: what becomes of an order as things happen to it. Each word is one of them.
func TestDecisions(t *testing.T) {
	start := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		happens string
		want    string // the order's id and state, or an error
	}{
		{"place:a", ErrNeverAsks.Error()},
		{"asks", "-"},
		{"asks place:a", "a waiting"},
		{"asks place:a place:b", "a waiting"}, // the same goes on
		{"asks place:a noop:b", ErrUnderWay.Error()},
		{"asks place:a get", "a delivered"},
		{"asks place:a get get", "a delivered"}, // it may have been lost on its way
		{"asks place:a get place:b", "a delivered"},
		{"asks place:a get has:a", "a delivered"}, // the agent has it; its report is to come
		{"asks place:a 9m", "a waiting"},
		{"asks place:a 11m", "a expired"},
		{"asks place:a 11m none", "a expired"},
		{"asks place:a 9m get 119m", "a delivered"},
		{"asks place:a get 121m", "a expired"},
		{"asks place:a get report:a", "a answered"},
		{"asks place:a get report:b", "a delivered"},
		{"asks place:a get report:", "a delivered"},
		{"asks place:a report:a", "a answered"}, // delivered before a restart
		{"asks place:a get 121m report:a", "a answered"},
		{"asks place:a get report:a none", "a answered"},
		{"asks place:a get report:a 121m", "a answered"},
		{"asks place:a get report:a noop:b", "b waiting"},
		{"asks place:a 11m noop:b", "b waiting"},
	} {
		var r Record
		now, err := start, error(nil)
		for step := range strings.FieldsSeq(tt.happens) {
			r, _ = r.expire(now)
			verb, id, _ := strings.Cut(step, ":")
			switch verb {
			case "asks":
				r.Asks = true
			case "place", "noop":
				r, _, err = r.place(Order{Order: catalog.Order{ID: id, Noop: verb == "noop"}, State: Waiting, Expires: now.Add(WaitFor)})
			case "get", "has", "none":
				var o *catalog.Order
				if r, o = r.deliver(id, now); (o != nil) != (verb == "get") {
					t.Errorf("%s: at %s the agent gets %+v", tt.happens, step, o)
				}
			case "report":
				r, _ = r.answer(catalog.Report{Order: id, Status: catalog.OK})
			default:
				d, parseErr := time.ParseDuration(verb)
				if parseErr != nil {
					t.Fatal(parseErr)
				}
				now = now.Add(d)
				r, _ = r.expire(now)
			}
		}
		got := "-"
		switch {
		case errors.Is(err, ErrNeverAsks):
			got = ErrNeverAsks.Error()
		case errors.Is(err, ErrUnderWay):
			got = ErrUnderWay.Error()
		case r.Order != nil:
			got = r.Order.ID + " " + string(r.Order.State)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.happens, got, tt.want)
		}
	}
}

// TestReportIsBounded: what is kept with an order is small, however large the report is.
func TestReportIsBounded(t *testing.T) {
	report := catalog.Report{Order: "a", Status: catalog.Failed}
	for range catalog.MaxResources {
		report.Results = append(report.Results, catalog.Result{ID: "file[/x]", Status: catalog.Failed, Message: strings.Repeat("m", 500)})
	}
	r, ok := Record{Order: &Order{Order: catalog.Order{ID: "a"}, State: Delivered}}.answer(report)
	if !ok || r.Order.Report == nil || len(r.Order.Report.Results) > 200 || r.Order.Report.Status != catalog.Failed {
		t.Errorf("%v, %d results", ok, len(r.Order.Report.Results))
	}
}
