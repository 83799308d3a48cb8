package web_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision/catalog"
	"rackhand/provision/converge"
	"rackhand/provision/converge/facts"
	"rackhand/provision/hostfacts"
	"rackhand/provision/preview"
)

// factsIn are those that the test server has, also after its restart.
type factsIn struct{ *testServer }

func (f factsIn) Sum(host string) string                  { return f.options.Facts.Sum(host) }
func (f factsIn) Of(host string) (map[string]any, string) { return f.options.Facts.Of(host) }

func (r *testServer) putFacts(a agentKey, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest("PUT", catalog.FactsPath, strings.NewReader(body))
	req.RemoteAddr = "127.0.0.1:1024"
	req.TLS = &tls.ConnectionState{}
	if a.parsed != nil {
		req.TLS.PeerCertificates = []*x509.Certificate{a.parsed}
	}
	w := httptest.NewRecorder()
	r.agents.ServeHTTP(w, req)
	return w
}

func (r *testServer) factsOf(host string) string {
	r.t.Helper()
	w := r.ask(r.server.API(), "", "GET", "/api/hosts/"+host+"/facts", "")
	if w.Code == http.StatusNotFound {
		return ""
	}
	var k hostfacts.Kept
	if err := json.Unmarshal(w.Body.Bytes(), &k); err != nil || w.Code != 200 || k.Host != host {
		r.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return string(k.Facts)
}

// wanted asks for a catalog with the sum of facts, and reports whether these are asked for.
func (r *testServer) wanted(a agentKey, body string) bool {
	r.t.Helper()
	req := httptest.NewRequest("GET", "/v1/catalog", nil)
	req.RemoteAddr = "127.0.0.1:1024"
	req.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{a.parsed}}
	req.Header.Set(catalog.FormatHeader, "2")
	if body != "" {
		req.Header.Set(catalog.HeaderFacts, catalog.FactsSum([]byte(body)))
	}
	w := httptest.NewRecorder()
	r.agents.ServeHTTP(w, req)
	r.want(w, 200)
	return w.Header().Get(catalog.HeaderFacts) == catalog.FactsWanted
}

// TestFacts: an agent's facts are those of the host of its certificate, survive a restart, and
// make that host's catalog. An agent without a header isn't asked for any.
func TestFacts(t *testing.T) {
	r := newTestServer(t)
	own := r.withRoles()
	r.put(own, &roles{resources: []catalog.Resource{declared("/etc/motd", "fact:id")}})
	web1, web2 := r.certified("web1"), r.certified("web2")
	const body = `{"id": "debian", "host": "web2"}`
	if r.wanted(web1, "") || !r.wanted(web1, body) {
		t.Error("facts are wanted of those that announce them, and only of those")
	}
	r.want(r.putFacts(web1, body), 204)
	r.want(r.putFacts(web1, body), 204)
	if r.wanted(web1, body) || !r.wanted(web1, "{}") || !r.wanted(web2, body) {
		t.Error("facts that are kept are not wanted, others are")
	}
	if got := r.factsOf("web1"); got != `{"host":"web2","id":"debian"}` || r.factsOf("web2") != "" {
		t.Errorf("web1 %s, web2 %s", got, r.factsOf("web2"))
	}
	content := func(a agentKey, text string) int { return r.got(a, catalog.ContentPath+catalog.Sum(text), "", "").Code }
	if content(web1, "debian") != 200 || content(web2, "debian") != 404 || content(web2, "<nil>") != 200 {
		t.Error("facts make the catalog of their host alone")
	}
	r.serve() // a restart
	if r.wanted(web1, body) || r.factsOf("web1") == "" {
		t.Error("a restart lost them")
	}
	var all map[string]map[string]string
	if w := r.ask(r.server.API(), "", "GET", "/api/facts", ""); json.Unmarshal(w.Body.Bytes(), &all) != nil || len(all) != 1 || all["web1"]["id"] != "debian" {
		t.Errorf("%s", w.Body)
	}
	r.want(r.ask(r.server.API(), "", "GET", "/api/hosts/nobody/facts", ""), 404)
}

// TestFactsAreClaims: whatever a host sends, it keeps its earlier facts, other hosts have
// theirs, and the journal says so once. What isn't a host's agent sends none.
func TestFactsAreClaims(t *testing.T) {
	r := newTestServer(t)
	web1, web2 := r.certified("web1"), r.certified("web2")
	const good, other = `{"id":"debian"}`, `{"id":"other"}`
	r.want(r.putFacts(web2, other), 204)
	r.want(r.putFacts(web1, good), 204)
	for name, body := range map[string]string{
		"nothing": "", "a list": `["id"]`, "a text": `"id"`, "null": "null", "half": `{"id":`, "two": "{}{}", "not UTF-8": "{\"id\":\"\xff\"}",
		"deep": `{"a":` + strings.Repeat("[", 30000) + strings.Repeat("]", 30000) + "}", "many": `{"a":[` + strings.Repeat("1,", 10000) + "1]}",
	} {
		if w := r.putFacts(web1, body); w.Code != 400 || len(w.Body.String()) > 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	r.want(r.putFacts(web1, `{"a":"`+strings.Repeat("x", catalog.MaxFacts)+`"}`), 413)
	if w := r.putFacts(web1, other); w.Code != 429 || w.Header().Get("Retry-After") != "60" {
		t.Errorf("twice within a minute: %d", w.Code)
	}
	r.want(r.putFacts(agentKey{}, good), 403)
	if r.factsOf("web1") != good || r.factsOf("web2") != other {
		t.Errorf("web1 has %s, web2 %s", r.factsOf("web1"), r.factsOf("web2"))
	}
	if n := r.count("web1", "facts-refused"); n != 1 {
		t.Errorf("%d events", n)
	}
	r.elapsed.Add(int64(2 * time.Minute))
	r.want(r.putFacts(web1, other), 204)
	if r.factsOf("web1") != other {
		t.Error("facts that changed are not kept")
	}
	for range 1000 { // a host that sends without end is stopped
		if w := r.putFacts(web1, "x"); w.Code == 429 {
			return
		}
	}
	t.Error("1,000 requests were read")
}

// TestSecretsInFacts: a secret of the host that stands in its facts isn't shown.
func TestSecretsInFacts(t *testing.T) {
	r := newTestServer(t)
	r.want(r.putFacts(r.certified("web1"), `{"a": {"hunter2hunter2": ["x hunter2hunter2 y", 1, true]}}`), 204)
	if _, err := r.server.Noting("web1", func(string) (string, error) { return "hunter2hunter2", nil })("pin"); err != nil {
		t.Fatal(err)
	}
	if got := r.factsOf("web1"); strings.Contains(got, "hunter") || !strings.Contains(got, "***") || !strings.Contains(got, "1,true") {
		t.Error(got)
	}
}

// TestFactsOfAnAgent: an agent with facts gets what roles make of them in its first run, and
// something else when they change. One of before that sends none gets what needs none.
func TestFactsOfAnAgent(t *testing.T) {
	l := newLife(t)
	inv := t.TempDir()
	for name, text := range map[string]string{
		"rack.yaml":         "networks: {n: {subnet: 127.0.0.0/24}}\nhosts:\n  web1: {mac: " + web1MAC + ", address: 127.0.0.1, install: never, roles: [always, by-facts]}\n",
		"roles/always.yaml": "resources:\n  - {file: /etc/always, content: x}\n",
		"roles/by-facts.yaml": "resources:\n  - file: /etc/motd\n    content: \"${facts.os.id} ${facts.custom.site.room}\"\n" +
			"  - {file: /etc/debian, content: x, when: facts.os.id == \"debian\"}\n",
	} {
		path := filepath.Join(inv, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	checked := preview.Try(inv, nil, nil)
	if len(checked.Problems) > 0 {
		t.Fatal(checked.Problems)
	}
	if err := l.options.Catalogs.(*ownCatalogs).Put(checked.Snapshot, checked.Roles); err != nil {
		t.Fatal(err)
	}
	l.snap.Hosts["web1"].Roles = []string{"always", "by-facts"}
	l.enrol()
	run := func(id, motd string, debian bool) {
		t.Helper()
		a := l.agent("v1")
		if id != "" {
			a.Facts = func(ctx context.Context) facts.Facts {
				f := converge.GatherFacts(ctx, a.Paths)
				f.OS = &facts.OS{ID: id}
				return f
			}
		}
		if _, err := a.Once(t.Context(), false); err != nil {
			t.Fatalf("%v\n%s", err, &l.out)
		}
		if b, _ := os.ReadFile(filepath.Join(l.root, "etc/motd")); string(b) != motd {
			t.Errorf("%q; want %s", b, motd)
		}
		if _, err := os.Stat(filepath.Join(l.root, "etc/always")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(l.root, "etc/debian")); (err == nil) != debian {
			t.Errorf("debian: %v", err)
		}
	}
	run("", "", false)
	l.wantEvent("web1", "facts-missing")
	own := filepath.Join(l.root, "etc/rackhand/facts.d")
	if err := os.MkdirAll(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(own, "site.sh"), []byte("#!/bin/sh\necho '{\"room\": 4}'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	run("rocky", "rocky 4", false)
	l.pass(2 * time.Minute)
	run("debian", "debian 4", true)
	// The appliance's database is restored: it asks.
	l.pass(2 * time.Minute)
	if _, err := l.options.Facts.Put(t.Context(), "web1", []byte(`{"os": {"id": "old"}, "custom": {"site": {"room": 1}}}`)); err != nil {
		t.Fatal(err)
	}
	l.pass(2 * time.Minute)
	run("debian", "debian 4", true)
}
