package web_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/config"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/converge"
	"rackhand/provision/converge/command"
	"rackhand/provision/converge/files"
	"rackhand/provision/converge/upgrade"
	"rackhand/provision/pki"
)

// life is an agent and its appliance, over real TLS. Both use the test server's clock.
type life struct {
	*testServer
	root, program string
	out           strings.Builder
}

func (l *life) Now() time.Time      { return l.clock() }
func (l *life) Set(time.Time) error { l.t.Error("it set the clock"); return nil }

// pass lets time pass for both, and in counted time.
func (l *life) pass(d time.Duration) {
	l.later += d
	l.elapsed.Add(int64(d))
}

func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{testServer: newTestServer(t), root: t.TempDir()}
	l.program = filepath.Join(l.root, "usr", "rackhand-agent")
	ca, err := pki.Open(t.TempDir(), netip.MustParseAddr("127.0.0.1"), l.options.Store, rand.Reader, l.clock)
	if err != nil {
		t.Fatal(err)
	}
	ca.Counted = l.journal.Counted
	l.options.Authority = ca
	h := *l.snap.Hosts["web1"]
	h.Address = netip.MustParseAddr("127.0.0.1")
	l.with(&h)
	l.put(l.withRoles(), &roles{resources: []catalog.Resource{declared("/etc/motd", "hello\n")}})
	l.upgrades(config.Agent{Grace: 90})
	srv := httptest.NewUnstartedServer(l.agents)
	srv.TLS = l.server.AgentTLS()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	for name, text := range map[string]string{
		"etc/rackhand/agent.json": fmt.Sprintf(`{"appliance": %q, "host": "web1"}`, srv.URL), "etc/rackhand/ca.pem": string(ca.CA()), "usr/rackhand-agent": "agent one",
	} {
		path := filepath.Join(l.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// agent is a new process of a version.
func (l *life) agent(version string) *converge.Agent {
	log := slog.New(slog.NewTextHandler(&l.out, nil))
	paths := converge.Paths{Root: l.root}
	contents := &converge.Contents{Paths: paths, Log: log}
	a := &converge.Agent{
		Paths: paths, Log: log, Clock: l, Random: mrand.New(mrand.NewPCG(1, 2)), Keys: rand.Reader, Version: version,
		Sleep:        func(context.Context, time.Duration) error { return nil },
		Synchronised: func() bool { return true },
		Engine: &converge.Engine{
			Log: log, Clock: l.clock, Sleep: converge.Sleep, Contents: contents,
			Files: &files.Files{Root: paths.Root, Runner: command.Exec{}, Random: rand.Reader, Contents: contents},
		},
	}
	a.Upgrade = &upgrade.Upgrader{
		Program: upgrade.Program{Path: l.program}, Record: paths.In("/var/lib/rackhand-agent/upgrade.json"), Log: log,
		Trial:   func(ctx context.Context, _ string) error { return l.agent("v2").Trial(ctx, true) },
		Control: func(ctx context.Context) error { return a.Trial(ctx, false) },
	}
	if err := a.Upgrade.Open(); err != nil {
		l.t.Fatal(err)
	}
	return a
}

func (l *life) once(what, version string) {
	l.t.Helper()
	a := l.agent(version)
	if status, err := a.Once(l.t.Context(), false); err != nil || status == catalog.Failed {
		l.t.Fatalf("%s: %s, %v\n%s", what, status, err, &l.out)
	}
	if err := a.Upgrade.Completed(); err != nil { // as the daemon does after a run
		l.t.Fatal(err)
	}
	if got := l.journal.SeenHosts()["web1"].AgentVersion; got != version {
		l.t.Errorf("%s: the appliance knows version %q, want %s", what, got, version)
	}
}

func (l *life) cert() pki.Cert {
	l.t.Helper()
	all, err := l.options.Authority.Certs(l.t.Context())
	if err != nil || len(all) != 1 {
		l.t.Fatal(all, err)
	}
	return all[0]
}

func (l *life) enrol() {
	l.t.Helper()
	w := l.ask(l.server.API(), "", "POST", "/api/hosts/web1/enrol", "")
	var reply provision.EnrolmentReply
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.agent("v1").Enrol(l.t.Context(), reply.Token); err != nil {
		l.t.Fatal(err)
	}
}

// TestLifeOfAnAgent: enrolled by the operator, upgraded, its certificate renewed in time,
// renewed after its end, and enrolled once more when that was too long ago.
func TestLifeOfAnAgent(t *testing.T) {
	const day = 24 * time.Hour
	l := newLife(t)
	l.enrol()
	first := l.cert()
	a := l.agent("v1")
	a.Sleep = func(ctx context.Context, _ time.Duration) error {
		t.Error("it was not replaced")
		return context.Canceled
	}
	if err := a.Run(t.Context()); err != converge.ErrReplaced {
		t.Fatalf("%v\n%s", err, &l.out)
	}
	if b, err := os.ReadFile(l.program); err != nil || string(b) != "agent two" {
		t.Errorf("%q, %v", b, err)
	}
	l.once("upgraded", "v2")
	if l.cert().Serial != first.Serial {
		t.Error("renewed before it was due")
	}
	l.pass(21 * day)
	l.once("due", "v2")
	second := l.cert()
	if second.Serial == first.Serial || second.Before != first.Serial {
		t.Errorf("not renewed: %+v", second)
	}
	l.once("renewed", "v2")
	if got := l.cert(); got.Serial != second.Serial || got.Before != "" {
		t.Errorf("the one before counts still: %+v", got)
	}
	l.pass(100 * day)
	l.once("off for 100 days", "v2")
	third := l.cert()
	if third.Serial == second.Serial {
		t.Error("an expired certificate was not renewed")
	}
	l.pass(31 * day)
	l.once("a day late", "v2")
	l.pass(130 * day)
	if _, err := l.agent("v2").Once(t.Context(), false); err == nil || !strings.Contains(err.Error(), "`rackhand enrol web1`") {
		t.Errorf("off for 130 days: %v", err)
	}
	l.enrol()
	l.once("enrolled by the operator", "v2")
	l.wantEvent("web1", "enrolled-again")
	l.wantEvent("web1", "certificate-renewed")
	l.wantEvent("web1", "agent-version")
}

// TestChangeOfCA: agents get the next CA beside the one that signs, then certificates of it,
// then the old one goes from their trust; and no step is taken before its hosts are ready.
func TestChangeOfCA(t *testing.T) {
	l := newLife(t)
	l.enrol()
	api := l.server.API()
	bound := ""
	l.server.Bind = func(_ context.Context, ca []byte) error { bound = string(ca); return nil }
	before := string(l.options.Authority.CA())
	trusted := func() string {
		b, err := os.ReadFile(filepath.Join(l.root, "etc/rackhand/ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	step := func(what, body string, code int, stage, waiting string) {
		t.Helper()
		w := l.ask(api, "", "POST", "/api/ca", body)
		if w.Code != code {
			t.Fatalf("%s: %d %s", what, w.Code, w.Body)
		}
		var st provision.CAStatus
		if err := json.Unmarshal(l.ask(api, "", "GET", "/api/ca", "").Body.Bytes(), &st); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(st.Waiting, " "); st.Stage != stage || got != waiting {
			t.Fatalf("%s: stage %q, waiting for %q; want %q, %q", what, st.Stage, got, stage, waiting)
		}
	}
	const renew, finish = `{"step":"renew"}`, `{"step":"finish"}`
	step("nothing to finish", finish, 409, "", "")
	step("nothing to force", `{"step":"x","force":true}`, 409, "", "")
	step("begun", renew, 200, provision.CASpreads, "web1")
	step("begun twice", renew, 409, provision.CASpreads, "web1")
	step("too early", finish, 409, provision.CASpreads, "web1")
	l.once("it gets the next CA", "v2")
	if got := trusted(); got == before || !strings.Contains(got, before) {
		t.Errorf("it trusts\n%s", got)
	}
	l.once("it says so", "v2")
	serial := l.cert().Serial
	step("switched", finish, 200, provision.CASwitched, "web1")
	if bound == before || bound != string(l.options.Authority.CA()) {
		t.Error("the database doesn't know of the new CA")
	}
	step("too early again", finish, 409, provision.CASwitched, "web1")
	l.once("it gets a certificate of the new CA", "v2")
	if l.cert().Serial == serial {
		t.Error("it has its old certificate")
	}
	step("the new one isn't used yet", finish, 409, provision.CASwitched, "web1")
	l.once("it uses that", "v2")
	step("done", finish, 200, "", "")
	l.once("the old one goes", "v2")
	if got := trusted(); got != string(l.options.Authority.CA()) || got == before {
		t.Errorf("in the end it trusts\n%s", got)
	}
	l.once("in the end", "v2")
	if strings.Contains(l.out.String(), "not trusted yet") {
		t.Error(l.out.String())
	}
	step("once more", renew, 200, provision.CASpreads, "web1")
}
