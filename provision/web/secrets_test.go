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

// TestSecretsAfterRestart: the appliance is restarted in the middle of an install, and its
// installer, its log, its agent and its jobs then say every secret in every form.
func TestSecretsAfterRestart(t *testing.T) {
	r := newTestServer(t)
	logs := installlog.New(t.TempDir())
	t.Cleanup(func() { logs.Close() })
	r.server.Logs = logs
	unreadable := ""
	r.server.Handout.Secret = func(name string) (string, error) {
		if v, ok := planted[name]; ok && name != unreadable {
			return v, nil
		}
		return "", os.ErrNotExist
	}
	r.server.Catalogs = &testCatalogs{compile: func(h *inventory.Host) (*role.Compiled, error) {
		_, err := r.server.Noting(h.Name, r.server.Handout.Secret)("role")
		return &role.Compiled{Catalog: catalog.Catalog{Host: h.Name, Version: "v1"}}, err
	}}
	h := r.snap.Hosts["web1"]
	h.Variables = map[string]any{"root_password": inventory.SecretRef("root"), "door": map[string]any{"pin": inventory.SecretRef("pin")}}
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	r.want(r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", ""), 200)

	h.Variables = nil // an edit in between: the answer file had them all the same
	r.restarted()
	h.Variables = map[string]any{"door": map[string]any{"pin": inventory.SecretRef("pin")}}
	post := func(path string, v any) {
		t.Helper()
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+path, string(b)), 204)
	}
	say := func(text string) {
		post("/event", map[string]any{"message": "curl -d " + text + " said " + token, "kind": text[:min(len(text), 40)], "fields": map[string]string{text: "is " + text, "pin": "it is Zq7."}})
		in, _ := r.journal.Install("web1")
		if err := logs.Append(in.ID, installlog.Mask("set -x: "+text+" Zq7", r.server.Masked("web1"))+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	post("/event", map[string]any{"stage": "installer"})
	for _, text := range plantedForms() {
		say(text)
		// A kind of which the appliance reads the message.
		post("/event", map[string]any{"kind": provision.KindDisksBlank, "message": "naa.5000c500a1b2c3d4 Zq7 " + text, "fields": map[string]string{text: text}})
		if in, _ := r.journal.Install("web1"); !slices.Equal(in.Blank, []string{"naa.5000c500a1b2c3d4"}) {
			t.Errorf("blank disks: %q", in.Blank)
		}
	}
	// The secret can't be read for now: nothing is kept of what may hold it.
	unreadable = "root"
	r.restarted()
	say(planted["root"])
	if events, err := r.journal.Events(t.Context(), "web1", 1); err != nil || !strings.Contains(events[0].Message, "held back: the secret root can't be read") {
		t.Errorf("%v %+v", err, events)
	}
	unreadable = ""
	r.restarted()
	post("/event", map[string]any{"stage": "packages"})
	post("/event", map[string]any{"stage": "installed"})

	// Its agent, and a job's report.
	for _, text := range plantedForms() {
		rep := catalog.Report{Results: make([]catalog.Result, 1), Warnings: make([]string, 1)}
		fill(reflect.ValueOf(&rep).Elem(), text+" Zq7") // also the fields that are yet to come
		rep.Host, rep.Status = "web1", catalog.Failed
		r.restarted()
		r.server.HideInReport(&rep)
		if b, err := json.Marshal(rep); err != nil || leaks(string(b)) != "" {
			t.Errorf("a report: %v ...%s", err, leaks(string(b)))
		}
	}
	if _, err := r.journal.Update("web1", "", func(in provision.Install) (provision.Install, provision.Event, error) {
		return in, provision.Event{Source: "operator", Kind: "cancelled", Stage: provision.Cancelled, Message: "x"}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.journal.Arm(journal.Request{Host: "web1", Job: provision.JobBurnin, MACs: []string{web1MAC}, Budget: provision.Budget{Attempts: 1}, Expires: 1 << 40, Source: "operator", Why: "x"}); err != nil {
		t.Fatal(err)
	}
	token = tokenOf.FindStringSubmatch(r.ask(r.boot, "10.77.0.11", "GET", "/boot/ipxe?mac="+web1MAC, "").Body.String())[1]
	post("/event", map[string]any{"stage": "installer"})
	post("/report", map[string]any{planted["root"]: []any{planted["role"], 12345678901234567890.0}, "pin": "Zq7"})

	// What there is of it: the database, the API that the page and its stream read, the log.
	recs, _, err := r.server.Store.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if x := leaks(rec.Key + string(rec.Value)); x != "" {
			t.Errorf("the database, %s: ...%s", rec.Key, x)
		}
	}
	api := r.server.API()
	for _, path := range []string{"/api/hosts/*/events", "/api/hosts/web1/log", "/api/hosts/web1/job"} {
		w := r.ask(api, "", "GET", path, "")
		if x := leaks(w.Body.String()); w.Code != 200 || x != "" || !strings.Contains(w.Body.String(), "***") {
			t.Errorf("%s: %d ...%s", path, w.Code, x)
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
