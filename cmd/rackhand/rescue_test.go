package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// said is an appliance that answers a rescue and has these events of it.
func said(t *testing.T, asked *provision.JobRequest, events ...provision.Event) (socket string) {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
	mux.HandleFunc("GET /api/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, provision.Status{Seq: 7}) })
	mux.HandleFunc("POST /api/hosts/web1/job", func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer(w, provision.Install{ID: "web1-rescue-1", Host: "web1", Job: provision.JobRescue, Expires: time.Now()})
	})
	mux.HandleFunc("GET /api/events", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") != "7" {
			http.Error(w, "the wrong events", http.StatusBadRequest)
			return
		}
		for _, e := range events {
			answer(w, e)
		}
	})
	return serveSocket(t, mux)
}

func TestRescueWaits(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "id.pub")
	if err := os.WriteFile(key, []byte("ssh-ed25519 AAAA me@desk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ready := provision.Event{Host: "web1", Install: "web1-rescue-1", Kind: "rescue-ready", Message: "here", Fields: map[string]string{
		"address": "10.77.0.11", "port": "22", "fingerprint": "SHA256:abc\x1b[31m", "host_key": "ssh-ed25519 BBBB\nevil.example ssh-ed25519 CCCC",
	}}
	for name, c := range map[string]struct {
		events []provision.Event
		want   []string
		err    string
	}{
		"it comes up": {
			[]provision.Event{
				{Host: "web1", Install: "web1-rescue-1", Stage: provision.Kernel, Message: "initrd fetched"},
				{Host: "web1", Install: "web1-rescue-0", Stage: provision.Done, Message: "of before"},
				ready,
			},
			[]string{"web1-rescue-1 is armed", "power the box on", "initrd fetched", "root@10.77.0.11", "SHA256:abc\\x1b[31m"},
			"",
		},
		"it fails": {
			[]provision.Event{{Host: "web1", Install: "web1-rescue-1", Stage: provision.Failed, Message: "no card"}}, nil, "(failed): no card",
		},
		"the appliance goes": {nil, nil, io.EOF.Error()},
	} {
		var asked provision.JobRequest
		known := filepath.Join(dir, "known_hosts")
		cmd := rescueCmd{Key: []string{key}, KnownHosts: known}
		cmd.Host, cmd.Socket = "web1", said(t, &asked, c.events...)
		var out strings.Builder
		err := cmd.Run(t.Context(), &out)
		if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: it lacks %q:\n%s", name, want, out.String())
			}
		}
		if strings.Contains(out.String(), "of before") {
			t.Errorf("%s: another rescue's events are shown", name)
		}
		if asked.Job != provision.JobRescue || !asked.Power || len(asked.Order.Keys) != 1 || !strings.Contains(asked.Order.Keys[0], "AAAA") {
			t.Errorf("%s: it asks for %+v", name, asked)
		}
		if c.err == "" {
			// One line, of one host, for any name that the box sends.
			b, err := os.ReadFile(known)
			if err != nil || strings.Count(string(b), "\n") != 1 || !strings.HasPrefix(string(b), "10.77.0.11 ssh-ed25519 BBBB ") {
				t.Errorf("known_hosts: %q %v", b, err)
			}
		}
	}
}

func TestPublicKeys(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"id_ed25519.pub": "one", "id_rsa.pub": "two", "id_ed25519": "private", "other.pub": "three"} {
		if err := os.WriteFile(filepath.Join(home, ".ssh", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func() (string, error) { return home, nil }
	if got, err := publicKeys(nil, at); err != nil || strings.Join(got, " ") != "one two" {
		t.Errorf("the user's own: %q %v", got, err)
	}
	if got, err := publicKeys([]string{filepath.Join(home, ".ssh", "other.pub")}, at); err != nil || strings.Join(got, " ") != "three" {
		t.Errorf("a named one: %q %v", got, err)
	}
	if got, err := publicKeys(nil, func() (string, error) { return "", errors.New("no home") }); err != nil || got != nil {
		t.Errorf("without a home: %q %v", got, err)
	}
	if _, err := publicKeys([]string{filepath.Join(home, "none.pub")}, at); err == nil {
		t.Error("a file that is not there")
	}
}
