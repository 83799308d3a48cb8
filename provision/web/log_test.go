package web_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rackhand/provision"
	"rackhand/provision/installlog"
	"rackhand/provision/web"
)

func TestHostLog(t *testing.T) {
	r, _ := anacondaServer(t)
	logs := installlog.New(t.TempDir())
	t.Cleanup(func() { logs.Close() })
	r.server.Logs = logs
	api := r.server.API()
	r.want(r.ask(api, "", "GET", "/api/hosts/web1/log", ""), 404)
	for id, text := range map[string]string{"web1-1": "the first\n", "web1-2": "the second\n", "web2-1": "another's\n", "web1-rescue-1": "a rescue's\n"} {
		if err := logs.Append(id, text); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"/api/hosts/web1/log":                       "the second\n",
		"/api/hosts/web1/log?install=web1-1":        "the first\n",
		"/api/hosts/web1/log?follow=1":              "the second\n", // nothing under way: it ends
		"/api/hosts/web1/log?install=web1-rescue-1": "a rescue's\n",
		"/api/hosts/web1/log?install=web2-1":        "no install of web1 has a log\n",
		"/api/hosts/web1/log?install=web1-9":        "web1-9: no log of that install\n",
		"/api/hosts/nobody/log":                     "nobody: no such host in the inventory: known here: web1, web2\n",
		"/api/hosts/web1/log?install=../web1-1":     "no install of web1 has a log\n",
	} {
		if w := r.ask(api, "", "GET", path, ""); w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
}

// TestFollow: a log that is followed grows before the reader's eyes, from before its
// first line to the end of its install.
func TestFollow(t *testing.T) {
	r, _ := anacondaServer(t)
	logs := installlog.New(t.TempDir())
	t.Cleanup(func() { logs.Close() })
	r.server.Logs = logs
	r.arm("web1")
	in, _ := r.journal.Install("web1")
	s := httptest.NewServer(r.server.API())
	defer s.Close()
	res, err := http.Get(s.URL + "/api/hosts/web1/log?follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get(web.LogInstall); got != in.ID {
		t.Errorf("it is the log of %q", got)
	}
	body := bufio.NewReader(res.Body)
	for _, line := range []string{"one\n", "two\n"} {
		if err := logs.Append(in.ID, line); err != nil {
			t.Fatal(err)
		}
		if got, err := body.ReadString('\n'); err != nil || got != line {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if _, err := r.journal.Update("web1", in.ID, func(in provision.Install) (provision.Install, provision.Event, error) {
		return in, provision.Event{Source: "operator", Kind: "cancelled", Stage: provision.Cancelled, Message: "x"}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
		t.Errorf("after its end: %q, %v", rest, err)
	}
}

// TestSecretsOf: what stands in an answer file is known as a secret, and another
// host's is not.
func TestSecretsOf(t *testing.T) {
	r, _ := anacondaServer(t)
	r.server.Handout.Secret = func(string) (string, error) { return "hunter2", nil }
	r.snap.Hosts["web1"].Variables = map[string]any{"root_password": "root"}
	r.arm("web1")
	token := r.script(web1MAC, "10.77.0.11")
	w := r.ask(r.boot, "10.77.0.11", "GET", "/i/"+token+"/ks", "")
	r.want(w, 200)
	if strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(w.Body.String(), "rootpw --iscrypted") {
		t.Error("the password is not hashed")
	}
	if got := r.server.SecretsOf("web1"); len(got) != 1 || got[0] != "hunter2" {
		t.Errorf("web1's secrets: %q", got)
	}
	r.want(r.ask(r.boot, "10.77.0.11", "POST", "/i/"+token+"/event",
		`{"stage":"failed","message":"%post of line 9: sh: exit status 22 / curl: (22) no access with hunter2 / 3","fields":{"last":"hunter2"}}`), 204)
	events, err := r.journal.Events(t.Context(), "web1", 1)
	if err != nil || len(events) != 1 || events[0].Message != "%post of line 9: sh: exit status 22 / curl: (22) no access with *** / 3" || events[0].Fields["last"] != "***" {
		t.Errorf("%v %+v", err, events)
	}
	if in, _ := r.journal.Install("web1"); strings.Contains(in.Reason, "hunter2") {
		t.Errorf("the reason: %s", in.Reason)
	}
	if got := r.server.SecretsOf("web2"); len(got) != 0 {
		t.Errorf("web2's secrets: %q", got)
	}
}
