package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestEnrolAndCA: what the commands about certificates ask the appliance for, and print.
func TestEnrolAndCA(t *testing.T) {
	asked, answer := "", ""
	socket := serveSocket(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked = r.Method + " " + r.URL.Path + " " + strings.TrimSpace(string(b))
		if answer == "" {
			http.Error(w, "2 hosts would lose the appliance: db1, web1", http.StatusConflict)
			return
		}
		fmt.Fprint(w, answer)
	}))
	for _, tt := range []struct {
		args          string
		answer        string
		code          int
		asked, prints string
	}{
		{"enrol web1", `{"token":"T0K","minutes":60}`, 0, "POST /api/hosts/web1/enrol {}", "as root on web1 within 60 minutes; it works once:\n\n  rackhand-agent enrol --token T0K\n"},
		{"enrol web1", "", 1, "POST /api/hosts/web1/enrol {}", "rackhand: "},
		{"ca", `{"expires":"2046-11-25T00:00:00Z","stage":""}`, 0, "GET /api/ca ", "the CA expires on 2046-11-25\n"},
		{"ca show --json", `{"expires":"2046-11-25T00:00:00Z","stage":""}`, 0, "GET /api/ca ", `"expires": "2046-11-25T00:00:00Z"`},
		{"ca renew", `{"stage":"spreads","waiting":["db1","web1"]}`, 0, `POST /api/ca {"step":"renew","force":false}`, "the next CA spreads: agents get it with their next run\n2 hosts are waited for: db1, web1\n"},
		{"ca finish", "", 1, `POST /api/ca {"step":"finish","force":false}`, "2 hosts would lose the appliance: db1, web1"},
		{"ca finish --force", `{"stage":"switched"}`, 0, `POST /api/ca {"step":"finish","force":true}`, "the next CA signs: hosts get certificates of it with their next run\nno host is waited for: run `rackhand ca finish`\n"},
	} {
		answer = tt.answer
		var out strings.Builder
		code := run(append(strings.Fields(tt.args), "--socket", socket), &out, &out)
		if code != tt.code || asked != tt.asked || !strings.Contains(out.String(), tt.prints) {
			t.Errorf("%s: exit %d, asked %q, printed\n%s", tt.args, code, asked, &out)
		}
	}
}
