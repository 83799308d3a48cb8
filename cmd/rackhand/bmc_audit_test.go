package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"rackhand/provision"
	"rackhand/provision/operate"
	"rackhand/provision/web/bmcapi"
)

// auditing serves the routes of BMCs on a socket, with this audit behind them.
func auditing(t *testing.T, audit func(context.Context, provision.AuditRequest) (provision.Audit, error)) (socket string) {
	e := echo.New()
	bmcapi.Routes(e, &operate.Operator{Audit: audit}, func(err error) error { return echo.NewHTTPError(http.StatusConflict, err.Error()) })
	return serveSocket(t, e)
}

// TestBMCAudit: what is asked, what is printed, and the exit codes.
func TestBMCAudit(t *testing.T) {
	finding := func(s provision.Severity) provision.Finding {
		return provision.Finding{Severity: s, Kind: "x", What: "A fault.", BMCs: []provision.FaultyBMC{{Host: "web1"}}}
	}
	for _, tt := range []struct {
		name  string
		args  []string
		found []provision.Finding
		asked string
		code  int
		says  string
	}{
		{"nothing", nil, nil, `{}`, 0, "nothing is wrong"},
		{"a note", []string{"web1"}, []provision.Finding{finding(provision.Note)}, `{"hosts":["web1"]}`, 0, "1 note"},
		{"a warning", []string{"web1", "web2"}, []provision.Finding{finding(provision.Warning)}, `{"hosts":["web1","web2"]}`, 1, "1 warning"},
		{"critical", []string{"--factory"}, []provision.Finding{finding(provision.Critical)}, `{"factory":true}`, 1, "1 critical"},
		{"JSON", []string{"--json"}, []provision.Finding{finding(provision.Critical)}, `{}`, 1, `"severity": "critical"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked provision.AuditRequest
			socket := auditing(t, func(_ context.Context, r provision.AuditRequest) (provision.Audit, error) {
				asked = r
				return provision.Audit{BMCs: 2, Findings: tt.found}, nil
			})
			var out, errs bytes.Buffer
			code := run(append([]string{"bmc", "audit", "--socket", socket}, tt.args...), &out, &errs)
			if code != tt.code || !strings.Contains(out.String(), tt.says) || errs.Len() > 0 {
				t.Errorf("exit %d, want %d\n%s%s", code, tt.code, out.String(), errs.String())
			}
			if got, err := json.Marshal(asked); err != nil || string(got) != tt.asked {
				t.Errorf("asked for %s, want %s; %v", got, tt.asked, err)
			}
		})
	}
	var out, errs bytes.Buffer
	busy := auditing(t, func(context.Context, provision.AuditRequest) (provision.Audit, error) {
		return provision.Audit{}, provision.ErrAuditUnderWay
	})
	if code := run([]string{"bmc", "audit", "--socket", busy}, &out, &errs); code != exitUnseen || !strings.Contains(errs.String(), "under way") {
		t.Errorf("while another audit is under way: exit %d, %s", code, errs.String())
	}
	if code := run([]string{"bmc", "audit", "--socket", filepath.Join(t.TempDir(), "none")}, &out, &errs); code != exitUnseen || errs.Len() == 0 {
		t.Errorf("without an appliance: exit %d, %s", code, errs.String())
	}
}
