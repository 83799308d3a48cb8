package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func httpCheck(change func(*Check, *HTTPCheck)) Check {
	h := &HTTPCheck{Address: "127.0.0.1", Port: 80, Path: "/", Method: "GET", Status: []int{200}}
	c := Check{From: FromHost, HTTP: h, Within: 60, Deadline: 5, Source: "roles/web.yaml:3:5"}
	if change != nil {
		change(&c, h)
	}
	return c
}

func execCheck(words ...string) Check {
	return Check{From: FromHost, Exec: &ExecCheck{Command: words}, Within: 60, Deadline: 5}
}

// TestCheckValidate: what neither appliance nor agent takes.
func TestCheckValidate(t *testing.T) {
	tcp := func(x TCPCheck) Check {
		x.Address, x.Port = "::1", 5432
		return Check{From: FromAppliance, TCP: &x, Within: 60, Deadline: 5}
	}
	secure := func(x TLSCheck) Check { return tcp(TCPCheck{TLS: &x}) }
	units := func(failed int, except ...string) Check {
		return Check{From: FromHost, Systemd: &SystemdCheck{Failed: failed, Except: except}, Within: 60, Deadline: 5}
	}
	change := func(c Check, change func(*Check)) Check { change(&c); return c }
	for _, tt := range []struct {
		check Check
		want  string // "" for a right one
	}{
		{httpCheck(nil), ""},
		{tcp(TCPCheck{Send: "a", Expect: "b"}), ""},
		{secure(TLSCheck{Name: "www.example.com", Days: 14}), ""},
		{execCheck("true"), ""},
		{units(0, "user@*.service"), ""},
		{Check{From: FromHost, Within: 1, Deadline: 1}, "exactly one"},
		{change(execCheck("a"), func(c *Check) { c.HTTP = httpCheck(nil).HTTP }), "exactly one"},
		{change(httpCheck(nil), func(c *Check) { c.From = "" }), "use appliance or host"},
		{change(execCheck("a"), func(c *Check) { c.From = FromAppliance }), "on the host only"},
		{change(units(0), func(c *Check) { c.From = FromAppliance }), "on the host only"},
		{change(execCheck("a"), func(c *Check) { c.Within = 0 }), "within"},
		{change(execCheck("a"), func(c *Check) { c.Within = MaxWithin + 1 }), "within"},
		{change(execCheck("a"), func(c *Check) { c.Deadline = 0 }), "deadline"},
		{change(execCheck("a"), func(c *Check) { c.Deadline = MaxCheckTime + 1 }), "deadline"},
		{execCheck(), "a program and its arguments"},
		{execCheck("-rf"), "a program and its arguments"},
		{execCheck("a", "b\x00"), "NUL"},
		{execCheck(strings.Split(strings.Repeat("a ", MaxWords), " ")...), "words"},
		{execCheck("a", strings.Repeat("x", 5*MaxText)), "bytes"},
		{change(execCheck("a"), func(c *Check) { c.Exec.Exit = 256 }), "exit"},
		{change(execCheck("a"), func(c *Check) { c.Exec.User = "-u" }), "user name"},
		{change(execCheck("a"), func(c *Check) { c.Exec.Matches = "(" }), "missing closing )"},
		{change(execCheck("a"), func(c *Check) { c.Exec.Matches = strings.Repeat("a", MaxExpression+1) }), "at most"},
		{change(execCheck("a"), func(c *Check) { c.Exec.Contains = strings.Repeat("a", MaxText+1) }), "at most"},
		{units(-1), "failed is -1"},
		{units(0, ""), "unit"},
		{units(0, "[a"), "unit"},
		{units(0, "a b"), "unit"},
		{tcp(TCPCheck{Send: strings.Repeat("a", MaxText+1)}), "bytes each"},
		{secure(TLSCheck{}), "host name"},
		{secure(TLSCheck{Name: "a b"}), "host name"},
		{secure(TLSCheck{Name: "a", Days: MaxDays + 1}), "certificate_days"},
		{secure(TLSCheck{Name: "a", CA: "x"}), "no certificate"},
		{secure(TLSCheck{Name: "a", CA: "x", Unverified: true}), "exclude"},
		{secure(TLSCheck{Name: "a", CA: strings.Repeat("x", MaxCA+1)}), "at most"},
		{secure(TLSCheck{Name: "a", CA: "-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n"}), "certificates alone"},
		{secure(TLSCheck{Name: "a", CA: "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"}), "its certificate 1"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Port = 0 }), "port"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Address = "www.example.com" }), "IP address"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Path = "x" }), "path"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Path = "/ HTTP/1.1\r\nX: y" }), "path"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Method = "POST" }), "GET or HEAD"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Method, h.Contains = "HEAD", "x" }), "no body"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Status = nil }), "statuses"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Status = []int{200, 600} }), "status 600"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Host = "a\r\nb" }), "host name"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Headers = []string{"Accept: a\r\nX: b"} }), "printable"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Headers = []string{"no colon"} }), "not a header"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Headers = []string{"authorization: x"} }), "secret"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Headers = []string{"host: x"} }), "by the check itself"},
		{httpCheck(func(_ *Check, h *HTTPCheck) { h.Headers = make([]string, MaxHeaders+1) }), "headers"},
	} {
		err := tt.check.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.check.Words(), err, tt.want)
		}
	}
	c := Catalog{Checks: []Check{execCheck("true"), execCheck()}}
	if err := c.Validate(); err == nil {
		t.Error("a catalog with a check that is wrong is right")
	}
}

// TestDecodeChecks: an agent keeps what it can run of a later appliance's checks; the version
// of a catalog names its checks; an agent of before checks reads the rest.
func TestDecodeChecks(t *testing.T) {
	c := Catalog{Host: "web1", Resources: []Resource{{ID: "package[a]", Package: &Package{Name: "a", Ensure: Present}}}}
	plain, err := c.ByHash()
	if err != nil {
		t.Fatal(err)
	}
	c.Checks = []Check{execCheck("true"), httpCheck(nil)}
	with, err := c.ByHash()
	if err != nil || with.Version == plain.Version {
		t.Errorf("%v: the version with checks is %s, without %s", err, with.Version, plain.Version)
	}
	b, err := json.Marshal(with)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil || len(got.Checks) != 2 || got.Checks[0].Exec.Command[0] != "true" || got.Checks[1].Words() != "GET http://127.0.0.1:80/" || got.Checks[1].Problem != "" || got.Validate() != nil {
		t.Errorf("%v %+v", err, got)
	}
	var before struct {
		Resources []json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal(b, &before); err != nil || len(before.Resources) != 1 {
		t.Errorf("an agent that doesn't know checks: %v", err)
	}
	for text, want := range map[string]string{
		`{"from":"host","within":1,"deadline":1,"source":"s","disk":{"free":"10%"}}`:                              `unknown field "disk"`,
		`{"from":"host","within":1,"deadline":1,"source":"s","exec":{"command":["a"],"nice":5}}`:                  `unknown field "nice"`,
		`{"from":"host","within":1,"deadline":1,"source":"s","systemd":{"failed":"none"}}`:                        "cannot unmarshal",
		`{"from":"appliance","within":1,"deadline":1,"source":"s","tcp":{"address":"192.0.2.1","port":1}}`:        "for the appliance",
		`{"from":"host","within":1,"deadline":1,"source":"s","exec":{"command":["-x"]}}`:                          "a program",
		`{"from":"host","within":1,"deadline":1,"source":"s","exec":{"command":["x"],"matches":"(?<name>a)\\1"}}`: "invalid",
	} {
		got, err := Decode([]byte(`{"format":2,"host":"web1","checks":[` + text + `,{"from":"host","within":1,"deadline":1,"exec":{"command":["x"],"exit":0}}]}`))
		if err != nil || len(got.Checks) != 2 || !strings.Contains(got.Checks[0].Problem, want) || got.Checks[0].Source != "s" || got.Checks[1].Problem != "" || got.Validate() != nil {
			t.Errorf("%s: %v %+v, want %q", text, err, got, want)
		}
	}
	for _, text := range []string{`[1]`, `["x"]`, `{}`, `[` + strings.Repeat(`{},`, MaxChecks) + `{}]`} {
		if _, err := Decode([]byte(`{"format":2,"host":"web1","checks":` + text + `}`)); err == nil {
			t.Errorf("%.20s is taken", text)
		}
	}
}

// TestReportChecks: failed checks stay in a report that is made smaller, and their number at
// the least; a report can't have more of them than a catalog.
func TestReportChecks(t *testing.T) {
	r := Report{Status: Failed, Results: []Result{{ID: "package[a]", Status: OK}}}
	for i := range 50 {
		status := []string{OK, Failed}[i%2]
		r.Checks = append(r.Checks, CheckResult{Check: "exec a", Source: fmt.Sprintf("roles/web.yaml:%d:5", i), Status: status, Message: strings.Repeat("x", 400)})
	}
	r.SetTotals()
	if r.Totals.Checks != 50 || r.Totals.ChecksFailed != 25 || r.ExitCode() != ExitFailed {
		t.Errorf("%+v, exit code %d", r.Totals, r.ExitCode())
	}
	for size, want := range map[int]int{64 << 10: 50, 16 << 10: 50, 1 << 10: 0} {
		small, b, err := r.Fit(size)
		if n := small.Count(); err != nil || len(b) > size || len(small.Checks) != want || n.Checks != 50 || n.ChecksFailed != 25 {
			t.Errorf("%d bytes: %v, %d checks, %+v", size, err, len(small.Checks), n)
		}
		back, err := DecodeReport(b)
		if err != nil || len(back.Checks) != want || back.Count().ChecksFailed != 25 {
			t.Errorf("%d bytes, read: %v %+v", size, err, back.Count())
		}
	}
	if len(r.Checks[1].Message) != 400 {
		t.Error("a report that was made smaller has changed the first")
	}
	brief, err := r.Earlier(32 << 10)
	if err != nil || len(brief.Checks) != 25 || brief.Count().Checks != 50 {
		t.Errorf("brief: %v, %d checks, %+v", err, len(brief.Checks), brief.Count())
	}
	lies, err := DecodeReport([]byte(`{"status":"ok","totals":{"checks":-5,"checks_failed":1000000}}`))
	if n := lies.Count(); err != nil || n.Checks != 0 || n.ChecksFailed != 0 {
		t.Errorf("%v %+v", err, n)
	}
	if _, err := DecodeReport([]byte(`{"status":"ok","checks":[` + strings.Repeat(`{},`, MaxChecks) + `{}]}`)); err == nil {
		t.Error("a report with too many checks is taken")
	}
	alone := Report{Status: Failed, Checks: []CheckResult{{Status: Failed}}}
	if alone.ExitCode() != ExitFailed {
		t.Errorf("a failed check alone: exit code %d", alone.ExitCode())
	}
}
