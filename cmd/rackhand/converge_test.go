package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/orders"
)

// converging is an appliance whose agents report what each says.
func converging(t *testing.T, reports map[string]catalog.Report, asked *[]orders.Request) (socket string) {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("GET /api/status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, provision.Status{Hosts: []provision.HostStatus{{Host: "web1", Group: "web"}, {Host: "web2", Group: "web"}, {Host: "db1", Role: "db", Roles: []string{"db"}}}})
	})
	var news []orders.Order
	mux.HandleFunc("POST /api/converge", func(w http.ResponseWriter, r *http.Request) {
		var q orders.Request
		_ = json.NewDecoder(r.Body).Decode(&q)
		*asked = append(*asked, q)
		var out []orders.Ordered
		for _, h := range q.Hosts {
			o := orders.Order{Order: catalog.Order{ID: h, Noop: q.Noop}, Host: h, State: orders.Waiting, Rev: uint64(len(news) + 1)}
			placed := o
			out = append(out, orders.Ordered{Host: h, Order: &placed, Connected: true})
			report := reports[h]
			o.State, o.Report = orders.Answered, &report
			news = append(news, o)
		}
		answer(w, out)
	})
	mux.HandleFunc("POST /api/orders", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, orders.ChangesReply{Rev: uint64(len(news)), Orders: news})
	})
	return serveSocket(t, mux)
}

func TestConverge(t *testing.T) {
	of := func(status ...string) catalog.Report {
		r := catalog.Report{Status: status[0]}
		for _, s := range status {
			r.Results = append(r.Results, catalog.Result{ID: "file[/x]", Status: s, Message: "said"})
		}
		return r
	}
	ok, changed, failed := of(catalog.OK), of(catalog.Changed), of(catalog.Failed)
	for _, tt := range []struct {
		name    string
		cmd     convergeCmd
		reports map[string]catalog.Report
		code    int
		asked   string // hosts of each request
		says    string
	}{
		{"without waiting", convergeCmd{Hosts: []string{"web1"}}, nil, 0, "web1", "web1: ordered\n"},
		{"waits", convergeCmd{Hosts: []string{"web1"}, Wait: true}, map[string]catalog.Report{"web1": changed}, 2, "web1", "\nHOST"},
		{"a group, the canary first", convergeCmd{Hosts: []string{"web2"}, Group: []string{"web"}, Batch: "50%", StopAfter: 1}, map[string]catalog.Report{"web1": ok, "web2": ok}, 0, "web2|web1", ""},
		{"stops", convergeCmd{All: true, Batch: "1", StopAfter: 1}, map[string]catalog.Report{"db1": failed}, 4, "db1", "not asked: web1, web2"},
		{"both", convergeCmd{All: true, Wait: true}, map[string]catalog.Report{"db1": failed, "web1": changed, "web2": ok}, 6, "db1 web1 web2", ""},
		{"a dry run waits", convergeCmd{Role: []string{"db"}, Noop: true}, map[string]catalog.Report{"db1": {Status: catalog.Changed, Noop: true, Results: changed.Results}}, 2, "db1", "would change file[/x]: said"},
		{"no host is named", convergeCmd{}, nil, 64, "", "no hosts"},
		{"a stranger", convergeCmd{Hosts: []string{"web9"}}, nil, 64, "", "web9: no such host in the inventory"},
		{"no batch", convergeCmd{All: true, Batch: "few"}, nil, 64, "", `"few" is not a batch`},
		{"fewer than none", convergeCmd{All: true, StopAfter: -1}, nil, 64, "", "--stop-after -1"},
	} {
		var asked []orders.Request
		tt.cmd.Socket = converging(t, tt.reports, &asked)
		var out strings.Builder
		err := tt.cmd.Run(t.Context(), &out)
		code := 0
		var quiet silent
		var coded exitError
		switch {
		case errors.As(err, &quiet):
			code = quiet.code
		case errors.As(err, &coded):
			code = coded.code
			out.WriteString(err.Error())
		case err != nil:
			t.Error(tt.name, err)
		}
		var hosts []string
		for _, q := range asked {
			hosts = append(hosts, strings.Join(q.Hosts, " "))
		}
		if got := strings.Join(hosts, "|"); code != tt.code || got != tt.asked || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%s: exit %d, asked %q; want %d, %q with %q\n%s", tt.name, code, got, tt.code, tt.asked, tt.says, &out)
		}
	}
}

// TestConvergeJSON: what a program reads has the reports, and nothing beside the JSON.
func TestConvergeJSON(t *testing.T) {
	var asked []orders.Request
	cmd := convergeCmd{Hosts: []string{"web1"}, JSON: true}
	cmd.Socket = converging(t, map[string]catalog.Report{"web1": {Status: catalog.OK, Results: []catalog.Result{{ID: "file[/x]", Status: catalog.OK}}}}, &asked)
	var out strings.Builder
	err := cmd.Run(t.Context(), &out)
	var got struct {
		Hosts []struct {
			Host   string
			State  string
			Report catalog.Report
		}
	}
	if err != nil || json.Unmarshal([]byte(out.String()), &got) != nil || len(got.Hosts) != 1 || got.Hosts[0].State != "answered" || len(got.Hosts[0].Report.Results) != 1 {
		t.Errorf("%v\n%s", err, &out)
	}
}
