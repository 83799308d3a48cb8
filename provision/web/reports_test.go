package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
	"rackhand/provision/reports"
)

// drift is a report of an agent that found resources changed behind its back.
func drift(started string, ids ...string) string {
	var results []string
	for _, id := range ids {
		results = append(results, fmt.Sprintf(`{"id":%q,"status":"changed","cause":"drift","message":"content changed"}`, id))
	}
	return fmt.Sprintf(`{"status":"changed","started":%q,"interval":600,"totals":{"ok":1,"changed":%d,"drifted":%d},"results":[{"id":"x","status":"ok"},%s]}`, started, len(ids), len(ids), strings.Join(results, ","))
}

// TestDriftIsAnEvent: drift of a host is an event, the same once an hour.
func TestDriftIsAnEvent(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	for _, tt := range []struct {
		text  string
		later time.Duration
		want  int
	}{
		{`{"status":"changed","results":[{"id":"a","status":"changed","cause":"drift"}]}`, 0, 0}, // an old agent doesn't know
		{`{"status":"changed","totals":{"drifted":0},"results":[{"id":"a","status":"changed","cause":"catalog"}]}`, 0, 0},
		{drift("2026-01-01T00:00:00Z", "a", "b"), 0, 1},
		{drift("2026-01-01T00:10:00Z", "a", "b"), 0, 1},
		{drift("2026-01-01T00:20:00Z", "a"), 0, 2},
		{drift("2026-01-01T01:20:00Z", "a", "b"), time.Hour, 3},
	} {
		r.elapsed.Add(int64(tt.later))
		r.want(web1("POST", "/v1/report", tt.text), 204)
		if n := r.count("web1", "drifted"); n != tt.want {
			t.Errorf("%s: %d events, want %d", tt.text, n, tt.want)
		}
	}
	events, err := r.journal.Events(t.Context(), "web1", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == "drifted" {
			if want := "2 resources were not as converged any more, with no change of the catalog, and had to be brought about again: a: content changed; b: content changed"; e.Message != want || e.Level != "warn" {
				t.Errorf("%s: %s", e.Level, e.Message)
			}
			break
		}
	}
}

// TestReportsAreRead: the operator reads the latest report, one by its number, and all; of
// a host without any, the answer says which of the two it is.
func TestReportsAreRead(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	api := r.server.API()
	get := func(path string, code int, into any) string {
		t.Helper()
		w := r.ask(api, "127.0.0.1", "GET", path, "")
		r.want(w, code)
		if into != nil {
			if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
				t.Error(err)
			}
		}
		return w.Body.String()
	}
	if text := get("/api/hosts/web1/report", 404, nil); !strings.Contains(text, "no agent of web1 has reported yet") {
		t.Error(text)
	}
	if text := get("/api/hosts/nobody/report", 404, nil); !strings.Contains(text, "not in the inventory") && !strings.Contains(text, "no such host") {
		t.Error(text)
	}
	for n := range 3 {
		r.want(web1("POST", "/v1/report", drift(fmt.Sprintf("2026-01-01T00:%02d:00Z", n), fmt.Sprint("file", n))), 204)
	}
	var last, one reports.Kept
	var all []reports.Kept
	get("/api/hosts/web1/report", 200, &last)
	get("/api/hosts/web1/report?number=2", 200, &one)
	get("/api/hosts/web1/reports", 200, &all)
	if last.Number != 3 || len(last.Results) != 2 || one.Number != 2 || one.Host != "web1" || len(one.Results) != 1 || one.Results[0].ID != "file1" || len(all) != 3 || all[2].Number != 1 {
		t.Errorf("%+v\n%+v\n%+v", last, one, all)
	}
	if text := get("/api/hosts/web1/report?number=9", 404, nil); !strings.Contains(text, "the kept ones are 1 to 3") {
		t.Error(text)
	}
	get("/api/hosts/web1/report?number=x", 400, nil)
}

// TestNoSecretIsKept: a secret that an agent reports, wherever it stands, is in no report
// that is kept, whole or in brief. Reports are packed, so the database's bytes don't show it.
func TestNoSecretIsKept(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	const secret = "hunter2-of-web1"
	if _, err := r.server.Noting("web1", func(string) (string, error) { return secret, nil })("door"); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		r.want(web1("POST", "/v1/report", fmt.Sprintf(`{"status":"failed","started":"2026-01-01T00:%02d:00Z","version":%q,"error":"x %[2]s","warnings":["x %[2]s"],
			"totals":{"drifted":1},"checks":[{"check":"exec %[2]s","source":%[2]q,"status":%[2]q,"message":"x %[2]s"}],"results":[{"id":"file[%[2]s]","status":"changed","cause":"drift","message":"x %[2]s","diff":"x %[2]s"},{"id":"b","status":%[2]q,"cause":%[2]q}]}`, n, secret)), 204)
	}
	last, err := r.server.Reports.Last(t.Context(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	earlier, err := r.server.Reports.Earlier(t.Context(), "web1")
	if err != nil || len(earlier) != 1 {
		t.Fatal(err, earlier)
	}
	events, err := r.journal.Events(t.Context(), "web1", 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal([]any{last, earlier, events})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), secret) || strings.Count(string(text), "drifted") < 2 {
		t.Errorf("it is kept: %s", text)
	}
}

// TestChecksOfAReport: when everything holds and a check on the host fails, the host is
// converged, and the event names the check, its words and its place. A failed resource stays
// the news where there is one.
func TestChecksOfAReport(t *testing.T) {
	r := newTestServer(t)
	web1 := r.enrolled("web1")
	r.arm("web1")
	for _, stage := range []provision.Stage{provision.Installed, provision.Enrolled} {
		if err := r.journal.Record(provision.Event{Host: "web1", Source: "agent", Kind: "x", Stage: stage}); err != nil {
			t.Fatal(err)
		}
	}
	const checks = `"checks":[{"check":"tcp 127.0.0.1:5432","source":"roles/db.yaml:9:5","status":"failed","message":"tcp 127.0.0.1:5432: connection refused"},{"check":"exec a","status":"ok"}]`
	latest := func() (provision.Install, provision.Event) {
		t.Helper()
		in, _ := r.journal.Install("web1")
		events, err := r.journal.Events(t.Context(), "web1", 1)
		if err != nil || len(events) != 1 {
			t.Fatal(err)
		}
		return in, events[0]
	}
	r.want(web1("POST", "/v1/report", `{"status":"failed","results":[{"id":"package[a]","status":"failed","message":"no"}],`+checks+`}`), 204)
	if in, e := latest(); in.Stage == provision.Converged || e.Kind != "converge-failed" || strings.Contains(e.Message, "5432") || e.Fields["resource"] != "package[a]" || e.Fields["error"] != "no" {
		t.Errorf("a failed resource: at %s, %+v", in.Stage, e)
	}
	r.want(web1("POST", "/v1/report", `{"status":"failed","results":[{"id":"package[a]","status":"ok"}],`+checks+`}`), 204)
	want := "everything holds, but 1 of 2 checks on the host fail; the agent tries again: tcp 127.0.0.1:5432: connection refused (roles/db.yaml:9:5)"
	if in, e := latest(); in.Stage != provision.Converged || in.Stage.Ended() || e.Kind != "host-checks-failed" || e.Level != provision.LevelError || e.Message != want || e.Fields["name"] != "tcp 127.0.0.1:5432" || e.Fields["result"] != "host" {
		t.Errorf("a failed check: at %s, %+v", in.Stage, e)
	}
	if run := r.server.Reports.Runs()["web1"]; run.InOrder() || strings.Join(run.Notes(r.clock()), ";") != "1 of 2 checks fail" {
		t.Errorf("%+v", run)
	}
}
