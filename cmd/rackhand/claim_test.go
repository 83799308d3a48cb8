package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rackhand/provision"
)

// statusSocket answers for the status on a unix socket, as a running one does.
func statusSocket(t *testing.T, st provision.Status) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/status", func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(st); err != nil {
			t.Error(err)
		}
	})
	return serveSocket(t, mux)
}

// With a running appliance, unclaimed boxes are listed. A claimed box gets a free address
// on the network where it was seen.
func TestClaimAsksTheAppliance(t *testing.T) {
	socket := statusSocket(t, provision.Status{Hosts: []provision.HostStatus{
		{Host: "web1", MACs: []string{"52:54:00:00:00:01"}, Address: "10.1.0.11"},
		{Host: "52:54:00:00:00:09", Unclaimed: true, MACs: []string{"52:54:00:00:00:09"}, Address: "10.2.0.200", Maker: "Evil\x1b[31m\nInc", SwitchPort: "sw1 7", LastSeen: time.Now().Add(-time.Minute)},
		{Host: "52:54:00:00:00:0a", Unclaimed: true, MACs: []string{"52:54:00:00:00:0a"}, Address: "10.2.0.1"},
	}})
	dir := t.TempDir()
	const text = "networks:\n  a: {subnet: 10.1.0.0/24}\n  b: {subnet: 10.2.0.0/24}\nhosts:\n  web1: {mac: 52:54:00:00:00:01, address: 10.1.0.11}\n"
	if err := os.WriteFile(filepath.Join(dir, "rack.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(code int, args ...string) string {
		t.Helper()
		var out, fail bytes.Buffer
		args = append(args, "--socket", socket, "--inventory", dir)
		if got := run(args, &out, &fail); got != code {
			t.Fatalf("%v: exit code %d\n%s%s", args, got, &out, &fail)
		}
		return out.String()
	}
	list := do(0, "claim")
	for _, want := range []string{"52:54:00:00:00:09", "10.2.0.200", `Evil\x1b[31m Inc`, "sw1 7", "52:54:00:00:00:0a"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
	if strings.Contains(list, "web1") {
		t.Errorf("a claimed box is listed:\n%s", list)
	}
	do(0, "claim", "525400000009", "web9", "--never-install")
	got, err := os.ReadFile(filepath.Join(dir, "rack.yaml"))
	if want := text + "  web9: {mac: 52:54:00:00:00:09, address: 10.2.0.2, install: never}\n"; err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}
