package web_test

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rackhand/inventory"
	"rackhand/inventory/role"
	"rackhand/provision"
	"rackhand/provision/catalog"
	"rackhand/provision/installlog"
	"rackhand/provision/journal"
	"rackhand/provision/web"
)

// planted are secrets of a host: one that every program escapes in its own way, one of a
// line of its role, a short one.
var planted = map[string]string{"root": `PLANTED'p"a ss$w/1`, "role": "PLANTED-of-the-role", "pin": "Zq7"}

var hexDigits = regexp.MustCompile(`%[0-9A-F]{2}`)

// plantedForms are the ways in which they come back.
func plantedForms() []string {
	p := planted["root"]
	js, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return []string{
		p, strings.ReplaceAll(p, "'", `'\''`), url.QueryEscape(p), url.PathEscape(p), hexDigits.ReplaceAllStringFunc(url.QueryEscape(p), strings.ToLower),
		strings.Trim(string(js), `"`), html.EscapeString(p), base64.StdEncoding.EncodeToString([]byte("me:" + p)), planted["role"],
	}
}

// leaks finds what is planted in a text, in any form.
func leaks(text string) string {
	for _, form := range append(plantedForms(), "PLANTED", "planted", "UExBTlRFRC", "BMQU5URU", "QTEFOVE", "Zq7") {
		if i := strings.Index(text, form); i >= 0 {
			return text[max(0, i-40):min(len(text), i+60)]
		}
	}
	return ""
}

// restarted replaces the appliance by a restarted one, which has lost all that was in memory.
func (r *testServer) restarted() {
	r.server = web.New(r.server.Options)
	r.boot, r.agents = r.server.Boot(), r.server.Agents()
}

// A secretive is a testServer whose host web1 is in its install, with the planted secrets.
type secretive struct {
	*testServer
	logs       *installlog.Store
	token      string // of the install or job that is under way
	unreadable string // the name of a secret that can't be read for now
}

func newSecretive(t *testing.T) *secretive {
	t.Helper()
	s := &secretive{testServer: newTestServer(t), logs: installlog.New(t.TempDir())}
	t.Cleanup(func() { s.logs.Close() })
	s.server.Logs = s.logs
	s.server.Handout.Secret = func(name string) (string, error) {
		if v, ok := planted[name]; ok && name != s.unreadable {
			return v, nil
		}
		return "", os.ErrNotExist
	}
	s.server.Catalogs = &testCatalogs{compile: func(h *inventory.Host) (*role.Compiled, error) {
		_, err := s.server.Noting(h.Name, s.server.Handout.Secret)("role")
		return &role.Compiled{Catalog: catalog.Catalog{Host: h.Name, Version: "v1"}}, err
	}}
	h := s.snap.Hosts["web1"]
	h.Variables = map[string]any{"root_password": inventory.SecretRef("root"), "door": map[string]any{"pin": inventory.SecretRef("pin")}}
	s.arm("web1")
	s.token = s.script(web1MAC, "10.77.0.11")
	s.want(s.ask(s.boot, "10.77.0.11", "GET", "/i/"+s.token+"/ks", ""), 200)

	h.Variables = nil // an edit in between: the answer file had them all the same
	s.restarted()
	h.Variables = map[string]any{"door": map[string]any{"pin": inventory.SecretRef("pin")}}
	return s
}

func (s *secretive) post(path string, v any) {
	s.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	s.want(s.ask(s.boot, "10.77.0.11", "POST", "/i/"+s.token+path, string(b)), 204)
}

// say puts a text into an event of the installer, and into its log.
func (s *secretive) say(text string) {
	s.t.Helper()
	s.post("/event", map[string]any{"message": "curl -d " + text + " said " + s.token, "kind": text[:min(len(text), 40)], "fields": map[string]string{text: "is " + text, "pin": "it is Zq7."}})
	in, _ := s.journal.Install("web1")
	if err := s.logs.Append(in.ID, installlog.Mask("set -x: "+text+" Zq7", s.server.Masked("web1"))+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

// TestSecretsAfterRestart: the appliance is restarted in the middle of an install. Then the
// installer, its log, the agent and a job send every secret in every form.
func TestSecretsAfterRestart(t *testing.T) {
	s := newSecretive(t)
	s.post("/event", map[string]any{"stage": "installer"})
	for _, text := range plantedForms() {
		s.say(text)
		// A kind of which the appliance reads the message.
		s.post("/event", map[string]any{"kind": provision.KindDisksBlank, "message": "naa.5000c500a1b2c3d4 Zq7 " + text, "fields": map[string]string{text: text}})
		if in, _ := s.journal.Install("web1"); !slices.Equal(in.Blank, []string{"naa.5000c500a1b2c3d4"}) {
			t.Errorf("blank disks: %q", in.Blank)
		}
	}
	// While a secret can't be read, a text that may hold it is not kept.
	s.unreadable = "root"
	s.restarted()
	s.say(planted["root"])
	if events, err := s.journal.Events(t.Context(), "web1", 1); err != nil || !strings.Contains(events[0].Message, "held back: the secret root can't be read") {
		t.Errorf("%v %+v", err, events)
	}
	s.unreadable = ""
	s.restarted()
	s.post("/event", map[string]any{"stage": "packages"})
	s.post("/event", map[string]any{"stage": "installed"})

	s.agentReports()
	s.jobReports()
	s.wantNoLeak()
}

// agentReports checks that no text of an agent's report keeps a secret.
func (s *secretive) agentReports() {
	s.t.Helper()
	for _, text := range plantedForms() {
		rep := catalog.Report{Results: make([]catalog.Result, 1), Checks: make([]catalog.CheckResult, 1), Warnings: make([]string, 1)}
		fill(reflect.ValueOf(&rep).Elem(), text+" Zq7") // also the fields that are yet to come
		rep.Host, rep.Status = "web1", catalog.Failed
		s.restarted()
		s.server.HideInReport(&rep)
		if b, err := json.Marshal(rep); err != nil || leaks(string(b)) != "" {
			s.t.Errorf("a report: %v ...%s", err, leaks(string(b)))
		}
	}
}

// jobReports cancels the install, and sends a job's report that holds secrets.
func (s *secretive) jobReports() {
	s.t.Helper()
	if _, err := s.journal.Update("web1", "", func(in provision.Install) (provision.Install, provision.Event, error) {
		return in, provision.Event{Source: "operator", Kind: "cancelled", Stage: provision.Cancelled, Message: "x"}, nil
	}); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.journal.Arm(journal.Request{Host: "web1", Job: provision.JobBurnin, MACs: []string{web1MAC}, Budget: provision.Budget{Attempts: 1}, Expires: 1 << 40, Source: "operator", Why: "x"}); err != nil {
		s.t.Fatal(err)
	}
	s.token = tokenOf.FindStringSubmatch(s.ask(s.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "").Body.String())[1]
	s.post("/event", map[string]any{"stage": "installer"})
	s.post("/report", map[string]any{planted["root"]: []any{planted["role"], 12345678901234567890.0}, "pin": "Zq7"})
}

// wantNoLeak looks for secrets in the database, and in the API that page and stream read.
func (s *secretive) wantNoLeak() {
	s.t.Helper()
	recs, _, err := s.server.Store.List(s.t.Context(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, rec := range recs {
		if x := leaks(rec.Key + string(rec.Value)); x != "" {
			s.t.Errorf("the database, %s: ...%s", rec.Key, x)
		}
	}
	api := s.server.API()
	for _, path := range []string{"/api/hosts/*/events", "/api/hosts/web1/log", "/api/hosts/web1/job"} {
		w := s.ask(api, "", "GET", path, "")
		if x := leaks(w.Body.String()); w.Code != 200 || x != "" || !strings.Contains(w.Body.String(), "***") {
			s.t.Errorf("%s: %d ...%s", path, w.Code, x)
		}
	}
}

// fill sets all texts in a value.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text)
			}
		}
	}
}
